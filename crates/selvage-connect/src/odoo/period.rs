//! Whether a company's books are still open today. A closed period is refused before anything is sent: what moves stock is
//! booked on the day on which it is done, which is told by UTC. It reads, and never moves a lock.

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::Odoo;
use super::call::Scope;
use super::failure::{Failure, Refusal};

/// The locks that hold for everybody, by the names that they had over the versions; those for taxes, sales and purchases
/// alone do not concern stock.
const LOCKS: [&str; 3] = ["hard_lock_date", "fiscalyear_lock_date", "period_lock_date"];

impl Odoo {
    /// Refuses if the company's books are closed up to today.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub(super) async fn books_are_open(&self, company: i64, scope: &Scope) -> Result<(), Failure> {
        let fields = self.fields("res.company").await?;
        let locks: Vec<String> =
            LOCKS.into_iter().filter(|lock| fields.contains_key(*lock)).map(str::to_owned).collect();
        if locks.is_empty() {
            return Ok(());
        }
        let companies = self.read("res.company", &[company], &locks, scope).await?;
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let dates = companies
            .iter()
            .flat_map(|record| locks.iter().filter_map(|lock| Some((lock.as_str(), record.get(lock.as_str())?))));
        match closed_until(dates, today) {
            None => Ok(()),
            Some((day, lock)) => {
                let message =
                    format!("the books of the company are closed up to {day} (`{lock}`), so nothing is booked today");
                Err(Failure::field(Refusal::Period, "", message))
            }
        }
    }
}

/// The lock that holds longest today, with its name.
fn closed_until<'a>(locks: impl Iterator<Item = (&'a str, &'a Value)>, today: Date) -> Option<(Date, &'a str)> {
    let days = locks.filter_map(|(name, lock)| Some((lock.as_str()?.parse::<Date>().ok()?, name)));
    days.filter(|(day, _)| *day >= today).max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn locks() {
        let today: Date = "2026-11-26".parse().unwrap();
        for (locks, expected) in [
            (json!([false, false]), None),
            (json!(["2026-10-31", false]), None),
            (json!(["2026-11-26", false]), Some("2026-11-26 first")),
            (json!(["2026-10-31", "2026-12-31"]), Some("2026-12-31 second")),
            (json!(["soon"]), None),
        ] {
            let named = ["first", "second"].into_iter().zip(locks.as_array().unwrap());
            let found = closed_until(named, today).map(|(day, name)| format!("{day} {name}"));
            assert_eq!(found.as_deref(), expected, "{locks}");
        }
    }
}
