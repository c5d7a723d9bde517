//! Quantities: exact decimals with UCUM units, converted by rational factors, exactly or not at all.
//! Nothing rounds here.

use rust_decimal::Decimal;
use selvage_model::scalar::Dimension;

mod ratio;
mod ucum;

use ratio::Ratio;
pub use ucum::Unit;

/// Why a unit cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// No unit that is known here.
    #[error("`{0}` is not a UCUM unit that is known here")]
    Unknown(String),
    /// Units of different dimensions never mix.
    #[error("`{from}` and `{to}` measure different things")]
    Dimensions {
        /// The unit given.
        from: String,
        /// The unit wanted.
        to: String,
    },
    /// The converted value has no end after the point, or too many digits.
    #[error("{value} {from} is not an exact number of `{to}`")]
    Inexact {
        /// The value given.
        value: String,
        /// Its unit.
        from: String,
        /// The unit wanted.
        to: String,
    },
}

/// Converts the value exactly, or says why it cannot be.
pub fn convert(value: Decimal, from: &Unit, to: &Unit) -> Result<Decimal, UnitError> {
    if from.code() == to.code() {
        return Ok(value);
    }
    if !from.measures_same(to) {
        return Err(UnitError::Dimensions { from: from.code().to_owned(), to: to.code().to_owned() });
    }
    let inexact = || UnitError::Inexact {
        value: crate::decimal::text(value),
        from: from.code().to_owned(),
        to: to.code().to_owned(),
    };
    let base = Ratio::of_decimal(value).and_then(|value| from.to_base(value)).ok_or_else(inexact)?;
    to.in_unit(base).and_then(Ratio::to_decimal).ok_or_else(inexact)
}

/// Whether a unit measures this.
pub fn measures(unit: &Unit, dimension: Dimension) -> bool {
    unit.dimension() == Some(dimension)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::{parse_text, text};

    fn converted(value: &str, from: &str, to: &str) -> Result<String, UnitError> {
        let (from, to) = (from.parse()?, to.parse()?);
        convert(parse_text(value).unwrap(), &from, &to).map(text)
    }

    #[test]
    fn conversion_is_exact() {
        let table = [
            ("2.5", "kg", "g", "2500"),
            ("2500", "g", "kg", "2.5"),
            ("1", "t", "kg", "1000"),
            ("1", "[lb_av]", "kg", "0.45359237"),
            ("16", "[oz_av]", "[lb_av]", "1"),
            ("1", "[in_i]", "mm", "25.4"),
            ("3", "[ft_i]", "[yd_i]", "1"),
            ("1", "[mi_i]", "m", "1609.344"),
            ("1", "[gal_us]", "L", "3.785411784"),
            ("1", "m3", "L", "1000"),
            ("1", "l", "L", "1"),
            ("1", "cm2", "m2", "0.0001"),
            ("90", "min", "h", "1.5"),
            ("1", "wk", "d", "7"),
            ("1", "kW.h", "J", "3600000"),
            ("1", "kW.h", "MJ", "3.6"),
            ("1", "J", "N.m", "1"),
            ("36", "km/h", "m/s", "10"),
            ("20", "Cel", "K", "293.15"),
            ("68", "[degF]", "Cel", "20"),
            ("2", "12", "1", "24"),
            ("5", "10*3", "1", "5000"),
            ("50", "%", "1", "0.5"),
            ("3", "{box}", "1", "3"),
            ("1", "har", "m2", "10000"),
            ("1", "kg/(m.s2)", "Pa", "1"),
        ];
        for (value, from, to, wanted) in table {
            assert_eq!(converted(value, from, to).as_deref(), Ok(wanted), "{value} {from} in {to}");
        }
    }

    #[test]
    fn what_is_not_exact_or_does_not_belong_together_is_refused() {
        assert!(matches!(converted("1", "min", "h"), Err(UnitError::Inexact { .. })));
        assert!(matches!(converted("20", "Cel", "[degF]"), Ok(value) if value == "68"));
        assert!(matches!(converted("1", "kg", "m"), Err(UnitError::Dimensions { .. })));
        assert!(matches!(converted("1", "kg", "1"), Err(UnitError::Dimensions { .. })));
        assert!(matches!(converted("9999999999999999999999999999", "kg", "g"), Err(UnitError::Inexact { .. })));
        for unknown in
            ["", "Units", "stone", "kkg", "m/", "m..s", "(m", "m)", "m2x", "Cel2", "k[in_i]", "m/Cel", "{", "0"]
        {
            assert_eq!(unknown.parse::<Unit>().map(|_| ()), Err(UnitError::Unknown(unknown.to_owned())), "{unknown}");
        }
        assert!("(".repeat(100_000).parse::<Unit>().is_err());
        assert!("Em20".parse::<Unit>().is_err());
    }

    #[test]
    fn units_know_what_they_measure() {
        let table = [
            ("1", Dimension::Count),
            ("{box}", Dimension::Count),
            ("kg", Dimension::Mass),
            ("mm", Dimension::Length),
            ("m2", Dimension::Area),
            ("L", Dimension::Volume),
            ("h", Dimension::Time),
            ("Cel", Dimension::Temperature),
            ("kW.h", Dimension::Energy),
        ];
        for (unit, dimension) in table {
            assert!(measures(&unit.parse().unwrap(), dimension), "{unit}");
        }
        assert_eq!("km/h".parse::<Unit>().unwrap().dimension(), None);
    }

    proptest::proptest! {
        #[test]
        fn there_and_back_is_the_same(mantissa in -1_000_000_000_000_i128..1_000_000_000_000, scale in 0_u32..6, pair in 0_usize..8) {
            let (from, to) = [("kg", "g"), ("[lb_av]", "kg"), ("[in_i]", "m"), ("h", "min"), ("L", "m3"), ("kW.h", "J"), ("Cel", "K"), ("[degF]", "K")][pair];
            let (from, to): (Unit, Unit) = (from.parse().unwrap(), to.parse().unwrap());
            let value = Decimal::try_from_i128_with_scale(mantissa, scale).unwrap();
            if let Ok(there) = convert(value, &from, &to) {
                proptest::prop_assert_eq!(convert(there, &to, &from), Ok(value));
            }
        }
    }
}
