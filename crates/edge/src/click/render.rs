//! A click's values into its landing page's or fallback's template.

use hopline_catalogue::template::{Encoder, Macro};
use hopline_catalogue::{Target, Template};
use hopline_record::Click;

use super::Visit;

/// What a template is filled with.
pub(super) struct Render<'a> {
    pub(super) visit: &'a Visit<'a>,
    pub(super) target: &'a Target<'a>,
    pub(super) click: &'a Click,
    /// Empty where no record can be.
    pub(super) token: &'a [u8],
}

impl Render<'_> {
    /// Appends the URL to `out`; `passed` are parameters for its query.
    pub(super) fn render(&self, template: &Template, passed: &[u8], out: &mut Vec<u8>) {
        let Self { visit, target, click, token } = *self;
        let number = |id: i64| u64::try_from(id).unwrap_or_default();
        template.render(out, passed, |which, encoder: &mut Encoder<'_>| match which {
            Macro::ClickId => encoder.put_plain(token),
            Macro::OfferId => encoder.put_number(number(target.offer.id.get())),
            Macro::AffiliateId => encoder.put_number(number(target.affiliate.id.get())),
            Macro::AdvertiserId => encoder.put_number(number(target.advertiser.id.get())),
            Macro::LinkCode => encoder.put_plain(click.code.as_bytes()),
            Macro::Sub(index) => encoder.put(click.subs[usize::from(index)].as_bytes()),
            Macro::Source => encoder.put(click.source.as_bytes()),
            Macro::Ext => encoder.put(click.ext.as_bytes()),
            Macro::CreativeId => encoder.put(click.creative.as_bytes()),
            Macro::Country if click.country == [0; 2] => (),
            Macro::Country => encoder.put(&click.country),
            Macro::Device => encoder.put_plain(click.device.as_str().as_bytes()),
            Macro::Os => encoder.put(click.os.as_bytes()),
            Macro::Browser => encoder.put(click.browser.as_bytes()),
            Macro::Timestamp => encoder.put_number(number(visit.ask.now.seconds())),
            Macro::Random => encoder.put_number(u64::from(rand::random::<u32>())),
            Macro::ReferrerHost => encoder.put(click.referrer_host.as_bytes()),
        });
    }
}
