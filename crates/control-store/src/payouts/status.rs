//! Where batches and payouts stand.

macro_rules! statuses {
    ($($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident => $word:literal,)* })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant,)* }

        impl $name {
            /// The word in text forms.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = hopline_types::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(hopline_types::UnknownWord {
                        given: text.into(),
                        expected: [$($word,)*].join(", "),
                    }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

statuses! {
    /// Where a batch stands.
    BatchStatus {
        /// Made; its money is reserved.
        Draft => "draft",
        /// Approved by a second person; its file may go to the bank.
        Approved => "approved",
        /// The bank's answer is booked.
        Settled => "settled",
        /// Given up before approval; its money is payable again.
        Cancelled => "cancelled",
    }

    /// Where a payout stands.
    PayoutStatus {
        /// In a draft.
        Draft => "draft",
        /// In an approved batch.
        Approved => "approved",
        /// Paid by the bank.
        Paid => "paid",
        /// Not paid; its money is payable again.
        Failed => "failed",
    }
}
