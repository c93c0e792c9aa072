//! The writer. Its elements stand in the order of the schema's sequences.

use std::io;

use hopline_money::Amount;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::Pain001Version;
use super::values::{Ready, ReadyPayment};
use crate::{Address, Bic, Iban};

type Xml = Writer<Vec<u8>>;
type Written = io::Result<()>;

/// The document's bytes.
pub(super) fn document(ready: &Ready<'_>, version: Pain001Version) -> Vec<u8> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 1);
    write(&mut xml, ready, version).expect("a Vec takes every write");
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    bytes
}

fn write(xml: &mut Xml, ready: &Ready<'_>, version: Pain001Version) -> Written {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("Document").with_attribute(("xmlns", version.namespace())).write_inner_content(
        |xml| {
            element(xml, "CstmrCdtTrfInitn", |xml| {
                element(xml, "GrpHdr", |xml| group_header(xml, ready))?;
                element(xml, "PmtInf", |xml| payment_information(xml, ready, version))
            })
        },
    )?;
    Ok(())
}

fn group_header(xml: &mut Xml, ready: &Ready<'_>) -> Written {
    leaf(xml, "MsgId", ready.message_id)?;
    leaf(xml, "CreDtTm", &ready.created_at)?;
    totals(xml, ready)?;
    element(xml, "InitgPty", |xml| leaf(xml, "Nm", &ready.debtor_name))
}

fn payment_information(xml: &mut Xml, ready: &Ready<'_>, version: Pain001Version) -> Written {
    let debtor = &ready.file.debtor;
    // One PmtInf a file, so it can carry the file's own identifier.
    leaf(xml, "PmtInfId", ready.message_id)?;
    leaf(xml, "PmtMtd", "TRF")?;
    leaf(xml, "BtchBookg", "true")?;
    totals(xml, ready)?;
    element(xml, "PmtTpInf", |xml| element(xml, "SvcLvl", |xml| leaf(xml, "Cd", "SEPA")))?;
    match version {
        Pain001Version::V03 => leaf(xml, "ReqdExctnDt", &ready.execution_date)?,
        Pain001Version::V09 => element(xml, "ReqdExctnDt", |xml| leaf(xml, "Dt", &ready.execution_date))?,
    }
    party(xml, "Dbtr", &ready.debtor_name, ready.debtor_address.as_ref())?;
    account(xml, "DbtrAcct", &debtor.iban)?;
    element(xml, "DbtrAgt", |xml| {
        element(xml, "FinInstnId", |xml| match &debtor.bic {
            Some(bic) => leaf(xml, bank_element(version), bic.as_str()),
            // The element is mandatory; this is the scheme's word for a bank known by its IBAN alone.
            None => element(xml, "Othr", |xml| leaf(xml, "Id", "NOTPROVIDED")),
        })
    })?;
    leaf(xml, "ChrgBr", "SLEV")?;
    for payment in &ready.payments {
        element(xml, "CdtTrfTxInf", |xml| credit_transfer(xml, payment, version))?;
    }
    Ok(())
}

fn totals(xml: &mut Xml, ready: &Ready<'_>) -> Written {
    leaf(xml, "NbOfTxs", &ready.payments.len().to_string())?;
    leaf(xml, "CtrlSum", &ready.control_sum.to_decimal())
}

fn credit_transfer(xml: &mut Xml, ready: &ReadyPayment<'_>, version: Pain001Version) -> Written {
    let payment = ready.payment;
    element(xml, "PmtId", |xml| leaf(xml, "EndToEndId", &payment.end_to_end_id))?;
    element(xml, "Amt", |xml| instructed_amount(xml, payment.amount))?;
    if let Some(bic) = &payment.bic {
        agent(xml, "CdtrAgt", bic, version)?;
    }
    party(xml, "Cdtr", &ready.name, ready.address.as_ref())?;
    account(xml, "CdtrAcct", &payment.iban)?;
    element(xml, "RmtInf", |xml| leaf(xml, "Ustrd", &ready.remittance))
}

fn instructed_amount(xml: &mut Xml, amount: Amount) -> Written {
    let decimal = amount.to_decimal();
    xml.create_element("InstdAmt")
        .with_attribute(("Ccy", amount.currency.code()))
        .write_text_content(BytesText::new(&decimal))?;
    Ok(())
}

/// The element that names a bank by its BIC.
const fn bank_element(version: Pain001Version) -> &'static str {
    match version {
        Pain001Version::V03 => "BIC",
        Pain001Version::V09 => "BICFI",
    }
}

fn agent(xml: &mut Xml, name: &str, bic: &Bic, version: Pain001Version) -> Written {
    element(xml, name, |xml| element(xml, "FinInstnId", |xml| leaf(xml, bank_element(version), bic.as_str())))
}

fn account(xml: &mut Xml, name: &str, iban: &Iban) -> Written {
    element(xml, name, |xml| element(xml, "Id", |xml| leaf(xml, "IBAN", iban.as_str())))
}

fn party(xml: &mut Xml, element_name: &str, name: &str, address: Option<&Address>) -> Written {
    element(xml, element_name, |xml| {
        leaf(xml, "Nm", name)?;
        let Some(address) = address else { return Ok(()) };
        element(xml, "PstlAdr", |xml| {
            let optional = [
                ("StrtNm", &address.street),
                ("BldgNb", &address.building_number),
                ("PstCd", &address.postcode),
            ];
            for (element_name, value) in optional {
                if let Some(value) = value {
                    leaf(xml, element_name, value)?;
                }
            }
            leaf(xml, "TwnNm", &address.town)?;
            leaf(xml, "Ctry", &address.country)
        })
    })
}

fn element(xml: &mut Xml, name: &str, content: impl FnOnce(&mut Xml) -> Written) -> Written {
    xml.create_element(name).write_inner_content(content)?;
    Ok(())
}

fn leaf(xml: &mut Xml, name: &str, text: &str) -> Written {
    xml.create_element(name).write_text_content(BytesText::new(text))?;
    Ok(())
}
