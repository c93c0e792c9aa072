//! One record of a database, whoever made it: takes the keys that the crate's page lists, passes over all others.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::{Place, Region};

/// The keys that count.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Record<'a> {
    #[serde(borrow)]
    country_code: Scalar<'a>,
    country: Scalar<'a>,
    registered_country: Scalar<'a>,
    subdivisions: Scalar<'a>,
    region_code: Scalar<'a>,
    region: Scalar<'a>,
    autonomous_system_number: Scalar<'a>,
    asn: Scalar<'a>,
}

impl Record<'_> {
    /// What it says, in our form.
    pub(crate) fn place(&self) -> Place {
        let country = [&self.country_code, &self.country, &self.registered_country]
            .into_iter()
            .find_map(Scalar::country)
            .unwrap_or_default();
        let region = [&self.subdivisions, &self.region_code, &self.region]
            .into_iter()
            .find_map(|value| Region::new(value.text()?));
        let network =
            [&self.autonomous_system_number, &self.asn].into_iter().find_map(Scalar::network).unwrap_or(0);
        Place { country, region, network }
    }
}

/// A value reduced to the one scalar in it that counts: of a list the first entry, of a map its `iso_code`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Scalar<'a> {
    #[default]
    Nothing,
    Text(&'a str),
    Number(u64),
}

impl<'a> Scalar<'a> {
    fn text(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Nothing | Self::Number(_) => None,
        }
    }

    /// Two letters; `ZZ` and `XX` stand for an unknown country.
    fn country(&self) -> Option<[u8; 2]> {
        let code: [u8; 2] = self.text()?.as_bytes().try_into().ok()?;
        let code = code.map(|byte| byte.to_ascii_uppercase());
        (code.iter().all(u8::is_ascii_uppercase) && !matches!(&code, b"ZZ" | b"XX")).then_some(code)
    }

    fn network(&self) -> Option<u32> {
        let number = match self {
            Self::Nothing => None,
            Self::Text(text) => {
                text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text).parse().ok()
            }
            Self::Number(number) => u32::try_from(*number).ok(),
        };
        number.filter(|number| *number > 0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Depth(2).deserialize(deserializer)
    }
}

/// How many containers may still be opened; bounds the stack whatever a file nests.
#[derive(Clone, Copy)]
struct Depth(u8);

impl Depth {
    fn deeper(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }
}

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Scalar<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(text))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(number).map_or(Scalar::Nothing, Scalar::Number))
    }

    fn visit_u128<E>(self, _: u128) -> Result<Self::Value, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Self::Value, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let first = match self.deeper() {
            Some(deeper) => list.next_element_seed(deeper)?.unwrap_or_default(),
            None => Scalar::Nothing,
        };
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut code = Scalar::Nothing;
        while let Some(key) = map.next_key::<&str>()? {
            match self.deeper().filter(|_| key == "iso_code") {
                Some(deeper) => code = map.next_value_seed(deeper)?,
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(code)
    }
}
