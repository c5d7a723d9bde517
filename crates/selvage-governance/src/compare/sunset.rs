//! Days that are said of an end, judged by the day on which somebody looks: a day that is over when it is said leaves nobody any time,
//! whichever day stood there before.

use jiff::civil::Date;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::Lifecycle;
use selvage_model::name::InterfaceRef;

use super::{Class, Difference, interface, openapi};

/// Judges what is different by today: what was to be gone before it, by a day that is said only now, is as good as gone.
pub fn judge_by_day(differences: &mut [Difference], after: &Fabric, today: Date) {
    for difference in differences {
        let said = match difference.class.code {
            // What its end is, in words; the day is with the interface.
            "interface.lifecycle.deprecated" => difference.interface.as_ref().and_then(|it| sunset(after, it)),
            _ => difference.after.as_deref().and_then(day),
        };
        if let Some(class) = passed(difference.class).filter(|_| said.is_some_and(|day| day < today)) {
            (difference.class, difference.verdict) = (class, class.verdict);
            difference.after = said.map(|day| day.to_string());
        }
    }
}

/// The class of a difference that says a day, where that day is over.
fn passed(class: &Class) -> Option<&'static Class> {
    match class.code {
        "interface.lifecycle.deprecated" | "interface.sunset.earlier" | "interface.sunset.later" => {
            Some(&interface::SUNSET_PASSED)
        }
        "openapi.operation.deprecated"
        | "openapi.parameter.deprecated"
        | "openapi.sunset.added"
        | "openapi.sunset.earlier"
        | "openapi.sunset.later" => Some(&openapi::classes::SUNSET_PASSED),
        _ => None,
    }
}

fn sunset(fabric: &Fabric, interface: &InterfaceRef) -> Option<Date> {
    match &fabric.interfaces.get(interface)?.lifecycle {
        Lifecycle::Deprecated(end) => end.sunset,
        _ => None,
    }
}

/// The day that a value begins with, as it was written.
fn day(text: &str) -> Option<Date> {
    text.trim_start_matches('"').get(..10)?.parse().ok()
}
