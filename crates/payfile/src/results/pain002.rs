//! `pain.002`: the bank's report on a pain.001 file (P-08).
//!
//! Read in all versions from 03 on; their parts used here are the same. A status stands for the whole file (`GrpSts`), for the
//! block (`PmtInfSts`) or for single payments (`TxSts`); the narrower one counts. `ACTC`, `RCVD`, `PDNG`, `PATC`, `ACFC`
//! and `PART` decide nothing.

use super::{Outcome, ResultFault, ResultFile, ResultLine, iso_reason};
use crate::xml::{self, Element};

const NAMESPACE_STEM: &str = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.";

/// Reads a report.
///
/// # Errors
/// All faults, each with its line.
pub fn pain002(bytes: &[u8]) -> Result<ResultFile, Vec<ResultFault>> {
    let one = |line, detail: String| Err(vec![ResultFault::new(line, detail)]);
    let Ok(text) = std::str::from_utf8(bytes) else { return one(1, "the file is not UTF-8".into()) };
    let document = match xml::parse(text.trim_start_matches('\u{FEFF}')) {
        Ok(document) => document,
        Err(detail) => return one(1, detail),
    };
    let version =
        document.namespace.strip_prefix(NAMESPACE_STEM).and_then(|version| version.parse::<u8>().ok());
    if document.name != "Document" || version.is_none_or(|version| version < 3) {
        let given = format!("{} of {:?}", document.name, document.namespace);
        return one(
            document.line,
            format!("expected a Document of {NAMESPACE_STEM}03 or later, given {given}"),
        );
    }
    let Some(report) = document.child("CstmrPmtStsRpt") else {
        return one(document.line, "CstmrPmtStsRpt is missing".into());
    };
    let mut reader = Reader::default();
    reader.report(report);
    if reader.faults.is_empty() { Ok(reader.file) } else { Err(reader.faults) }
}

#[derive(Default)]
struct Reader {
    file: ResultFile,
    faults: Vec<ResultFault>,
}

type Status = Option<(Outcome, Option<String>)>;

impl Reader {
    fn report(&mut self, report: &Element) {
        let Some(group) = report.child("OrgnlGrpInfAndSts") else {
            self.fault(report, "OrgnlGrpInfAndSts is missing");
            return;
        };
        self.file.message_id = group.text_of("OrgnlMsgId").map(str::to_owned);
        if self.file.message_id.is_none() {
            self.fault(group, "OrgnlMsgId is missing: it names the file that this one answers");
        }
        self.totals(group);
        let of_group = self.status(group, "GrpSts");
        let mut of_all = of_group;
        for block in report.all("OrgnlPmtInfAndSts") {
            if block.text_of("OrgnlPmtInfId").is_some() && self.file.count.is_none() {
                self.totals(block);
            }
            // Our files have one block: what is said of it is said of all.
            if let Some(of_block) = self.status(block, "PmtInfSts") {
                of_all = Some(of_block);
            }
            for transfer in block.all("TxInfAndSts") {
                self.transfer(transfer, of_all.as_ref());
            }
        }
        self.file.all = of_all.filter(|(outcome, _)| *outcome != Outcome::Waiting);
        if self.file.all.is_none() && self.file.lines.is_empty() && self.faults.is_empty() {
            self.fault(report, "the report decides nothing: it has neither a final status nor payments");
        }
    }

    fn totals(&mut self, element: &Element) {
        if let Some(text) = element.text_of("OrgnlNbOfTxs") {
            match text.parse() {
                Ok(count) => self.file.count = Some(count),
                Err(_) => self.fault(element, format!("OrgnlNbOfTxs is no number: {text:?}")),
            }
        }
        self.file.sum = element.text_of("OrgnlCtrlSum").map(str::to_owned).or(self.file.sum.take());
    }

    fn transfer(&mut self, transfer: &Element, of_all: Option<&(Outcome, Option<String>)>) {
        let Some(reference) = transfer.text_of("OrgnlEndToEndId") else {
            self.fault(transfer, "OrgnlEndToEndId is missing: it names the payment");
            return;
        };
        let status = self.status(transfer, "TxSts").or_else(|| of_all.cloned());
        let Some((outcome, reason)) = status else {
            self.fault(transfer, format!("TxSts of {reference} is missing"));
            return;
        };
        let amount = transfer.child("OrgnlTxRef").and_then(|original| original.child("Amt"));
        let amount = amount.and_then(|amount| amount.child("InstdAmt"));
        self.file.lines.push(ResultLine {
            line: transfer.line,
            reference: reference.to_owned(),
            outcome,
            reason,
            amount: amount.map(|amount| amount.text.trim().to_owned()),
            currency: amount.and_then(|amount| amount.attribute("Ccy")).map(str::to_owned),
        });
    }

    /// The status of a part, with its reason.
    fn status(&mut self, element: &Element, name: &str) -> Status {
        let code = element.text_of(name)?;
        let outcome = match code {
            "ACCP" | "ACSP" | "ACSC" | "ACCC" | "ACWC" | "ACWP" => Outcome::Paid,
            "RJCT" | "CANC" => Outcome::Failed,
            "ACTC" | "RCVD" | "PDNG" | "PATC" | "ACFC" | "PART" | "PRES" => Outcome::Waiting,
            _ => {
                self.fault(element, format!("{name} {code:?} is not known"));
                return None;
            }
        };
        let reason = (outcome == Outcome::Failed).then(|| {
            let information = element.child("StsRsnInf");
            let reason = information.and_then(|information| information.child("Rsn"));
            let code = reason.and_then(|reason| reason.text_of("Cd").or_else(|| reason.text_of("Prtry")));
            iso_reason(
                code.unwrap_or("rejected by the bank"),
                information.and_then(|information| information.text_of("AddtlInf")),
            )
        });
        Some((outcome, reason))
    }

    fn fault(&mut self, element: &Element, detail: impl Into<String>) {
        self.faults.push(ResultFault::new(element.line, detail));
    }
}
