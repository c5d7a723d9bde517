//! The known name nearest to a misspelt one. Pure.

/// The nearest of these, if one is near enough to have been meant.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = (name.chars().count() / 3).max(1);
    let distances = known.iter().map(|known| (strsim::osa_distance(name, known), *known));
    distances.min().filter(|(distance, _)| *distance <= allowed).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["status", "site", "limit", "updated_since"];
        let table = [
            ("statsu", Some("status")),
            ("status", Some("status")),
            ("updated_sinse", Some("updated_since")),
            ("lmit", Some("limit")),
            ("colour", None),
            ("", None),
        ];
        for (name, expected) in table {
            assert_eq!(nearest(name, &known), expected, "{name}");
        }
    }
}
