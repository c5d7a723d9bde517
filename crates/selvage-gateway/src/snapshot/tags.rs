//! Tags of answers of which a grant leaves something out. An upstream's tag is of all that it answered; what is shown bears one
//! of its own, so that two grants that show different things never share one, and a grant that shows more is not told that nothing
//! changed. The upstream hears of its own tags alone.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::cache::freshness::elements;
use crate::identify::key_hash;

/// How the tags of one scope differ from the upstream's.
#[derive(Debug)]
pub(crate) struct Tags {
    /// What stands at their end.
    mark: Box<str>,
}

impl Tags {
    /// Of a scope that leaves these members out; `None` where it leaves out none.
    pub(super) fn of(except: &[String]) -> Option<Self> {
        let mut names: Vec<&str> = except.iter().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let digest = key_hash(names.join("\n").as_bytes());
        let digits: String = digest.0.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        (!names.is_empty()).then(|| Self { mark: format!("-{digits}\"").into() })
    }

    /// Marks the tag of an answer. A time says nothing of what is shown, so it goes, and so does what is no tag.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        headers.remove(header::LAST_MODIFIED);
        let Some(tag) = headers.remove(header::ETAG) else { return };
        let marked = tag.to_str().ok().and_then(|tag| {
            let tag = tag.trim();
            let opaque = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')?;
            let weak = if tag.starts_with("W/") { "W/" } else { "" };
            HeaderValue::try_from(format!("{weak}\"{opaque}{}", self.mark)).ok()
        });
        headers.extend(marked.map(|tag| (header::ETAG, tag)));
    }

    /// Has a request's conditions name the tags that the upstream knows. What was read under another grant is not what this one
    /// shows: whoever has it is given the answer.
    pub(crate) fn as_upstream_knows(&self, headers: &mut HeaderMap, method: &Method) {
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        self.rewrite(headers, &header::IF_MATCH, false);
        self.rewrite(headers, &header::IF_NONE_MATCH, is_read);
        if is_read {
            headers.remove(header::IF_MODIFIED_SINCE);
        }
    }

    fn rewrite(&self, headers: &mut HeaderMap, name: &HeaderName, only_own: bool) {
        if !headers.contains_key(name) {
            return;
        }
        let lists = headers.get_all(name).iter().filter_map(|list| list.to_str().ok());
        let known = |tag: &str| match tag.strip_suffix(&*self.mark) {
            Some(start) if start.contains('"') => Some(format!("{start}\"")),
            _ => (!only_own || tag == "*").then(|| tag.to_owned()),
        };
        let tags: Vec<String> = lists.flat_map(elements).filter_map(known).collect();
        headers.remove(name);
        if let (false, Ok(value)) = (tags.is_empty(), HeaderValue::try_from(tags.join(", "))) {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(names: &[&str]) -> Tags {
        Tags::of(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    fn marked(tags: &Tags, tag: &'static str) -> Option<String> {
        let mut headers = HeaderMap::from_iter([(header::ETAG, HeaderValue::from_static(tag))]);
        headers.insert(header::LAST_MODIFIED, HeaderValue::from_static("Thu, 26 Nov 2020 11:00:00 GMT"));
        tags.mark(&mut headers);
        assert!(!headers.contains_key(header::LAST_MODIFIED));
        headers.get(header::ETAG).map(|tag| tag.to_str().unwrap().to_owned())
    }

    #[test]
    fn grants_that_leave_out_the_same_have_the_same_tags() {
        let (one, other) = (tags(&["price", "cost"]), tags(&["cost", "price", "price"]));
        assert_eq!(marked(&one, "\"v0\""), marked(&other, "\"v0\""));
        assert_ne!(marked(&one, "\"v0\""), marked(&tags(&["price"]), "\"v0\""));
        assert!(marked(&one, "W/\"v0\"").unwrap().starts_with("W/\"v0-"));
        for none in ["v0", "\"", "W/v0", ""] {
            assert_eq!(marked(&one, none), None, "{none}");
        }
        assert!(Tags::of(&[]).is_none());
    }

    #[test]
    fn the_upstream_hears_of_its_own_tags() {
        let own = tags(&["price"]);
        let mark = own.mark.trim_end_matches('"').to_owned();
        let table: [(HeaderName, Method, &str, Option<&str>); 8] = [
            (header::IF_NONE_MATCH, Method::GET, "\"v0MARK\"", Some("\"v0\"")),
            (header::IF_NONE_MATCH, Method::GET, "\"v1\", W/\"v0MARK\", \"a,bMARK\"", Some("W/\"v0\", \"a,b\"")),
            (header::IF_NONE_MATCH, Method::HEAD, "\"v1\"", None),
            (header::IF_NONE_MATCH, Method::GET, "*", Some("*")),
            (header::IF_NONE_MATCH, Method::PUT, "\"v1\"", Some("\"v1\"")),
            (header::IF_MATCH, Method::PUT, "\"v0MARK\"", Some("\"v0\"")),
            (header::IF_MATCH, Method::PUT, "\"v0\", \"v1MARK\"", Some("\"v0\", \"v1\"")),
            (header::IF_MODIFIED_SINCE, Method::GET, "Thu, 26 Nov 2020 11:00:00 GMT", None),
        ];
        for (name, method, said, expected) in table {
            let value = HeaderValue::try_from(said.replace("MARK", &mark)).unwrap();
            let mut headers = HeaderMap::from_iter([(name.clone(), value)]);
            own.as_upstream_knows(&mut headers, &method);
            let heard = headers.get(&name).map(|value| value.to_str().unwrap());
            assert_eq!(heard, expected, "{method} {name}: {said}");
        }
    }
}
