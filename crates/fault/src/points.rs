//! The lists.

macro_rules! list {
    ($(#[$doc:meta])* $name:ident, $(#[$all_doc:meta])* $all:ident {
        $($(#[$value_doc:meta])* $value:ident => $text:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$value_doc])* $value,)+ }

        $(#[$all_doc])*
        pub const $all: &[$name] = &[$($name::$value,)+];

        impl $name {
            /// Its name in plans and logs.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$value => $text,)+ }
            }

            /// The one with this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                $all.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

list! {
    /// A step of the program that a test can abort, fail or delay.
    Point,
    /// Every point.
    POINTS {
        /// A record is about to be taken into the spool's buffer.
        SpoolAppendBefore => "spool.append.before",
        /// A record is in the buffer; failing refuses it though it may be written.
        SpoolAppendAfter => "spool.append.after",
        /// The buffer is about to be written.
        SpoolFlushBefore => "spool.flush.before",
        /// The buffer is in the file, and nothing says so yet.
        SpoolFlushAfter => "spool.flush.after",
        /// Segments are about to be synced.
        SpoolSyncBefore => "spool.sync.before",
        /// Segments are synced, and nothing says so yet.
        SpoolSyncAfter => "spool.sync.after",
        /// The writer leaves a full segment.
        SegmentChange => "segment.change",
        /// The next segment is about to be made ahead of time.
        SegmentPrepare => "segment.prepare",
        /// A segment is about to be made, by whoever.
        SegmentCreateBefore => "segment.create.before",
        /// A segment's space is reserved, its header not yet written.
        SegmentFill => "segment.fill",
        /// A segment is there under its name, and nobody uses it yet.
        SegmentCreateAfter => "segment.create.after",
        /// A stream is about to be recovered.
        RecoveryBefore => "recovery.before",
        /// A segment of an earlier run is about to be looked at.
        RecoveryRepair => "recovery.repair",
        /// A stream is recovered, its new segment not yet made.
        RecoveryAfter => "recovery.after",
        /// Records count as written; their answers are about to leave.
        EdgeAnswerBefore => "edge.answer.before",
        /// A batch is about to be read from the spool.
        ShipCut => "ship.cut",
        /// A batch's end is about to be written into the mark.
        ShipPlanBefore => "ship.plan.before",
        /// A batch is planned.
        ShipPlanAfter => "ship.plan.after",
        /// A batch is about to go to the click store.
        ShipInsertBefore => "ship.insert.before",
        /// The click store has a batch, and nothing says so yet.
        ShipInsertAfter => "ship.insert.after",
        /// Conversion events are about to go to the books.
        ShipEventsBefore => "ship.events.before",
        /// The books have conversion events, and nothing says so yet.
        ShipEventsAfter => "ship.events.after",
        /// A batch is about to be marked shipped.
        ShipMarkBefore => "ship.mark.before",
        /// A batch is marked shipped.
        ShipMarkAfter => "ship.mark.after",
        /// Shipped segments are about to be deleted.
        ShipClear => "ship.clear",
        /// The embedded click store has the raw clicks of a batch, not its counts.
        StoreRawAfter => "store.raw.after",
        /// The embedded click store is about to commit a batch.
        StoreCommitBefore => "store.commit.before",
        /// The embedded click store has committed a batch.
        StoreCommitAfter => "store.commit.after",
        /// The control store is about to commit.
        ControlCommitBefore => "control.commit.before",
        /// The control store has committed, and nobody knows.
        ControlCommitAfter => "control.commit.after",
        /// A conversion is about to be decided and booked.
        BooksBookBefore => "books.book.before",
        /// A conversion is booked within a transaction that is not committed.
        BooksBookAfter => "books.book.after",
        /// Facts are about to go to the click store.
        OutboxInsertBefore => "outbox.insert.before",
        /// The click store has facts, and nothing says so yet.
        OutboxInsertAfter => "outbox.insert.after",
        /// Facts are about to be taken out of the outbox.
        OutboxCommitBefore => "outbox.commit.before",
        /// Facts are out of the outbox.
        OutboxCommitAfter => "outbox.commit.after",
    }
}

list! {
    /// A promise that a test can break, to see that its checker notices (D-02).
    Switch,
    /// Every switch.
    SWITCHES {
        /// Records are written before their answers leave. Off: they are not written at all.
        SpoolWrite => "spool.write",
        /// A batch that is sent twice is stored once. Off: it is stored as another one.
        ShipToken => "ship.token",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_name_what_they_name() {
        let mut names = BTreeSet::new();
        for point in POINTS {
            assert!(names.insert(point.name()), "{} twice", point.name());
            assert_eq!(Point::named(point.name()), Some(*point));
        }
        for switch in SWITCHES {
            assert!(names.insert(switch.name()), "{} twice", switch.name());
            assert_eq!(Switch::named(switch.name()), Some(*switch));
        }
        assert_eq!(Point::named("ship.insert"), None);
    }

    #[test]
    fn each_stands_at_its_own_place() {
        assert!(POINTS.iter().enumerate().all(|(place, point)| *point as usize == place));
        assert!(SWITCHES.iter().enumerate().all(|(place, switch)| *switch as usize == place));
    }
}
