//! One module per command.

pub(crate) mod attribute;
pub(crate) mod audit;
pub(crate) mod bank_data;
pub(crate) mod click;
pub(crate) mod deadletters;
pub(crate) mod demo;
pub(crate) mod init;
pub(crate) mod ledger;
pub(crate) mod people;
pub(crate) mod rates;
pub(crate) mod serve;
pub(crate) mod settings;
