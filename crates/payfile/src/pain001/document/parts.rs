//! The parts of a document that stand in several places.

use super::Version;
use crate::fault::{Faults, Rule};
use crate::pain001::lexical;
use crate::xml::Element;
use crate::{Bic, Iban, rules};

/// Collects faults, knows the document's version.
pub(super) struct Checker<'f> {
    pub(super) faults: &'f mut Faults,
    pub(super) version: Version,
}

impl Checker<'_> {
    /// The child of that name, which must stand exactly once.
    pub(super) fn one<'a>(&mut self, element: &'a Element, at: &str, name: &str) -> Option<&'a Element> {
        let found = self.optional(element, at, name);
        if found.is_none() {
            self.faults.add(Rule::Form, at, format!("{name} is missing"));
        }
        found
    }

    /// The child of that name, which may stand once.
    pub(super) fn optional<'a>(&mut self, element: &'a Element, at: &str, name: &str) -> Option<&'a Element> {
        let mut all = element.children.iter().filter(|child| child.name == name);
        let found = all.next();
        if all.next().is_some() {
            self.faults.add(Rule::Form, at, format!("{name} stands more than once"));
        }
        found
    }

    /// The text of a child which must stand exactly once.
    pub(super) fn text<'a>(&mut self, element: &'a Element, at: &str, name: &str) -> Option<&'a str> {
        self.one(element, at, name).map(|child| child.text.as_str())
    }

    pub(super) fn identifier(&mut self, at: &str, id: &str) {
        if let Some(detail) = rules::identifier_fault(id) {
            self.faults.add(Rule::Identifier, at, detail);
        }
    }

    pub(super) fn word(&mut self, rule: Rule, at: &str, given: &str, expected: &str) {
        if given != expected {
            self.faults.add(rule, at, format!("expected {expected}, given {given:?}"));
        }
    }

    /// `SEPA`, for the whole block or, where the block says nothing, for each payment.
    pub(super) fn service_level(&mut self, block: &Element, at: &str) {
        let of_block = self.optional(block, at, "PmtTpInf");
        let holders: Vec<(&Element, String)> = if of_block.is_some() {
            vec![(block, at.to_owned())]
        } else {
            let transfers = block.all("CdtTrfTxInf").enumerate();
            transfers
                .map(|(index, transfer)| (transfer, format!("{at}/CdtTrfTxInf[{}]", index + 1)))
                .collect()
        };
        for (holder, at) in holders {
            let Some(kind) = self.one(holder, &at, "PmtTpInf") else { continue };
            let at = format!("{at}/PmtTpInf");
            let Some(level) = self.one(kind, &at, "SvcLvl") else { continue };
            let at = format!("{at}/SvcLvl");
            match self.optional(level, &at, "Cd") {
                Some(code) => self.word(Rule::ServiceLevel, &format!("{at}/Cd"), &code.text, "SEPA"),
                None => self.faults.add(Rule::ServiceLevel, at, "expected Cd with SEPA"),
            }
        }
    }

    pub(super) fn execution_date(&mut self, block: &Element, at: &str) {
        let Some(mut holder) = self.one(block, at, "ReqdExctnDt") else { return };
        let mut at = format!("{at}/ReqdExctnDt");
        match self.version {
            Version::V03 if !holder.children.is_empty() => {
                self.faults.add(Rule::Version, at, "version 03 has the date without elements around it");
                return;
            }
            Version::V03 => {}
            Version::V09 => {
                let Some(date) = self.one(holder, &at, "Dt") else { return };
                at.push_str("/Dt");
                holder = date;
            }
        }
        if !lexical::is_date(&holder.text) {
            let detail = format!("expected a date such as 2026-03-02, given {:?}", holder.text);
            self.faults.add(Rule::Date, at, detail);
        }
    }

    pub(super) fn charge_bearer(&mut self, element: &Element, at: &str) {
        if let Some(bearer) = self.optional(element, at, "ChrgBr") {
            self.word(Rule::ChargeBearer, &format!("{at}/ChrgBr"), &bearer.text, "SLEV");
        }
    }

    /// Name and address of someone.
    pub(super) fn party(&mut self, party: &Element, at: &str) {
        if let Some(name) = self.text(party, at, "Nm")
            && let Some(detail) = rules::length_fault(name, rules::NAME_CHARS_MAX)
        {
            self.faults.add(Rule::Name, format!("{at}/Nm"), detail);
        }
        if let Some(address) = self.optional(party, at, "PstlAdr") {
            self.address(address, &format!("{at}/PstlAdr"));
        }
    }

    fn address(&mut self, address: &Element, at: &str) {
        for name in ["TwnNm", "Ctry"] {
            if address.all(name).count() != 1 {
                let detail = format!("{name} is needed once when an address is given");
                self.faults.add(Rule::Address, at, detail);
            }
        }
        for country in address.all("Ctry") {
            if let Some(detail) = rules::country_fault(&country.text) {
                self.faults.add(Rule::Address, format!("{at}/Ctry"), detail);
            }
        }
        for (name, max) in rules::ADDRESS_CHARS_MAX {
            for part in address.all(name) {
                if let Some(detail) = rules::length_fault(&part.text, max) {
                    self.faults.add(Rule::Address, format!("{at}/{name}"), detail);
                }
            }
        }
        let lines = address.all("AdrLine").count();
        if lines > rules::ADDRESS_LINES_MAX {
            let detail = format!("at most {} free lines, given {lines}", rules::ADDRESS_LINES_MAX);
            self.faults.add(Rule::Address, at, detail);
        }
    }

    pub(super) fn account(&mut self, element: &Element, at: &str, name: &str) {
        let Some(account) = self.one(element, at, name) else { return };
        let at = format!("{at}/{name}");
        let Some(id) = self.one(account, &at, "Id") else { return };
        let at = format!("{at}/Id");
        let Some(text) = self.text(id, &at, "IBAN") else { return };
        let at = format!("{at}/IBAN");
        match Iban::new(text) {
            // In a file only the electronic form is right.
            Ok(iban) if iban.as_str() != text => {
                self.faults.add(Rule::Iban, at, "an IBAN is written without spaces and in capital letters");
            }
            Ok(iban) if !iban.in_sepa() => {
                let detail = format!("banks of {} cannot be reached by SEPA credit transfer", iban.country());
                self.faults.add(Rule::OutsideSepa, at, detail);
            }
            Ok(_) => {}
            Err(error) => self.faults.add(Rule::Iban, at, error.to_string()),
        }
    }

    pub(super) fn agent(&mut self, agent: &Element, at: &str) {
        let Some(institution) = self.one(agent, at, "FinInstnId") else { return };
        let (ours, other) = match self.version {
            Version::V03 => ("BIC", "BICFI"),
            Version::V09 => ("BICFI", "BIC"),
        };
        if institution.all(other).next().is_some() {
            let detail = format!("this version names a bank in {ours}, not in {other}");
            self.faults.add(Rule::Version, format!("{at}/FinInstnId"), detail);
        }
        if let Some(bic) = self.optional(institution, at, ours) {
            let at = format!("{at}/FinInstnId/{ours}");
            match Bic::new(&bic.text) {
                Ok(read) => self.word(Rule::Bic, &at, &bic.text, read.as_str()),
                Err(error) => self.faults.add(Rule::Bic, at, error.to_string()),
            }
        }
    }

    /// One payment; gives back its amount in hundredths, 0 where it has none that can be read.
    pub(super) fn credit_transfer(&mut self, transfer: &Element, at: &str) -> i128 {
        let creditor = self.optional(transfer, at, "Cdtr");
        self.faults.payee =
            creditor.and_then(|creditor| creditor.all("Nm").next()).map(|name| name.text.clone());
        match creditor {
            Some(creditor) => self.party(creditor, &format!("{at}/Cdtr")),
            None => self.faults.add(Rule::Form, at, "Cdtr is missing"),
        }
        if let Some(ids) = self.one(transfer, at, "PmtId") {
            let at = format!("{at}/PmtId");
            if let Some(id) = self.text(ids, &at, "EndToEndId") {
                self.identifier(&format!("{at}/EndToEndId"), id);
            }
            if let Some(id) = self.optional(ids, &at, "InstrId") {
                self.identifier(&format!("{at}/InstrId"), &id.text);
            }
        }
        if let Some(agent) = self.optional(transfer, at, "CdtrAgt") {
            self.agent(agent, &format!("{at}/CdtrAgt"));
        }
        self.account(transfer, at, "CdtrAcct");
        self.charge_bearer(transfer, at);
        self.remittance(transfer, at);
        let hundredths = self.amount(transfer, at);
        self.faults.payee = None;
        hundredths
    }

    fn remittance(&mut self, transfer: &Element, at: &str) {
        let Some(information) = self.optional(transfer, at, "RmtInf") else { return };
        let at = format!("{at}/RmtInf");
        if let Some(text) = self.optional(information, &at, "Ustrd")
            && let Some(detail) = rules::length_fault(&text.text, rules::REMITTANCE_CHARS_MAX)
        {
            self.faults.add(Rule::Remittance, format!("{at}/Ustrd"), detail);
        }
    }

    fn amount(&mut self, transfer: &Element, at: &str) -> i128 {
        let Some(holder) = self.one(transfer, at, "Amt") else { return 0 };
        let at = format!("{at}/Amt");
        let Some(amount) = self.one(holder, &at, "InstdAmt") else { return 0 };
        let at = format!("{at}/InstdAmt");
        if amount.attribute("Ccy") != Some("EUR") {
            let detail = format!(
                "SEPA credit transfers are in EUR, given {:?}",
                amount.attribute("Ccy").unwrap_or("")
            );
            self.faults.add(Rule::Currency, at.as_str(), detail);
        }
        let Some(hundredths) = lexical::hundredths(&amount.text) else {
            let detail = format!("expected digits with two decimals at most, given {:?}", amount.text);
            self.faults.add(Rule::Amount, at, detail);
            return 0;
        };
        if !(i128::from(rules::AMOUNT_MIN)..=i128::from(rules::AMOUNT_MAX)).contains(&hundredths) {
            let detail = format!("a payment is 0.01 to 999999999.99, given {:?}", amount.text);
            self.faults.add(Rule::Amount, at, detail);
        }
        hundredths
    }
}
