//! What rows can be grouped and filtered by.

/// One dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Dimension {
    /// Hour in the query's zone.
    Hour,
    /// Day in the query's zone.
    Day,
    /// ISO week in the query's zone.
    Week,
    /// Month in the query's zone.
    Month,
    /// The offer's id.
    Offer,
    /// The affiliate's id.
    Affiliate,
    /// The advertiser's id.
    Advertiser,
    /// The goal's id; clicks have none.
    Goal,
    /// The link's id; none for clicks without a prepared link.
    Link,
    /// Creative that carried the link.
    Creative,
    /// Landing page chosen by the link.
    LandingPage,
    /// The affiliate's traffic source.
    Source,
    /// The affiliate's own parameter 1.
    Sub1,
    /// The affiliate's own parameter 2.
    Sub2,
    /// The affiliate's own parameter 3.
    Sub3,
    /// The affiliate's own parameter 4.
    Sub4,
    /// The affiliate's own parameter 5.
    Sub5,
    /// The affiliate's own parameter 6.
    Sub6,
    /// The affiliate's own parameter 7.
    Sub7,
    /// The affiliate's own parameter 8.
    Sub8,
    /// The affiliate's own parameter 9.
    Sub9,
    /// The affiliate's own parameter 10.
    Sub10,
    /// ISO 3166-1 alpha-2 code.
    Country,
    /// Subdivision of the country.
    Region,
    /// Kind of machine.
    Device,
    /// Operating system.
    Os,
    /// Browser.
    Browser,
    /// Host of the page that carried the link.
    ReferrerHost,
    /// Coupon code; clicks have none.
    Coupon,
    /// State of the conversion at the time of the booking; clicks have none.
    Status,
    /// Why a click is invalid; conversions have none.
    Reason,
    /// How a click counts; conversions have none.
    Class,
    /// Campaign.
    Campaign,
    /// Tier of the referral tree.
    Tier,
}

impl Dimension {
    /// All names, in the order in which they are listed to users.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("offer", Self::Offer),
        ("affiliate", Self::Affiliate),
        ("advertiser", Self::Advertiser),
        ("goal", Self::Goal),
        ("link", Self::Link),
        ("creative", Self::Creative),
        ("landing_page", Self::LandingPage),
        ("source", Self::Source),
        ("sub1", Self::Sub1),
        ("sub2", Self::Sub2),
        ("sub3", Self::Sub3),
        ("sub4", Self::Sub4),
        ("sub5", Self::Sub5),
        ("sub6", Self::Sub6),
        ("sub7", Self::Sub7),
        ("sub8", Self::Sub8),
        ("sub9", Self::Sub9),
        ("sub10", Self::Sub10),
        ("country", Self::Country),
        ("region", Self::Region),
        ("device", Self::Device),
        ("os", Self::Os),
        ("browser", Self::Browser),
        ("referrer_host", Self::ReferrerHost),
        ("coupon", Self::Coupon),
        ("status", Self::Status),
        ("reason", Self::Reason),
        ("class", Self::Class),
        ("campaign", Self::Campaign),
        ("tier", Self::Tier),
    ];

    /// `sub1` to `sub10`.
    pub const SUBS: [Self; 10] = [
        Self::Sub1,
        Self::Sub2,
        Self::Sub3,
        Self::Sub4,
        Self::Sub5,
        Self::Sub6,
        Self::Sub7,
        Self::Sub8,
        Self::Sub9,
        Self::Sub10,
    ];

    /// The name in queries and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find_map(|(name, dimension)| (*dimension == self).then_some(*name))
            .expect("every dimension is listed")
    }

    /// Finds a dimension by its name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find_map(|(known, dimension)| (*known == name).then_some(*dimension))
    }

    /// Whether stores can answer it already.
    #[must_use]
    pub const fn is_available(self) -> bool {
        !matches!(self, Self::Campaign | Self::Tier)
    }

    /// Whether it cuts time.
    #[must_use]
    pub const fn is_time(self) -> bool {
        matches!(self, Self::Hour | Self::Day | Self::Week | Self::Month)
    }

    /// Whether its values are ids.
    #[must_use]
    pub const fn is_id(self) -> bool {
        matches!(self, Self::Offer | Self::Affiliate | Self::Advertiser | Self::Goal | Self::Link)
    }

    /// Whether raw clicks have it.
    #[must_use]
    pub const fn is_of_clicks(self) -> bool {
        !self.is_time() && !matches!(self, Self::Goal | Self::Coupon | Self::Status) && self.is_available()
    }
}

impl std::fmt::Display for Dimension {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
