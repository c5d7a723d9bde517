//! How a request is read: who asks, at which path, with which query and body. What cannot be read is a problem, as every refusal is,
//! and nothing is told to whom nobody knows.

mod place;

use std::fmt;
use std::marker::PhantomData;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::Response;
use selvage_model::code;
use selvage_model::media;
use selvage_model::problem::Problem;
use selvage_model::text::turns;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Api;
use super::answer::{problem, unfit};
use super::route::{Parameter, query};

/// Who asks. Nothing is read or told before that is known.
pub(crate) struct Operator(pub(crate) String);

impl FromRequestParts<Api> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let shown = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = shown.and_then(|shown| {
            let (scheme, key) = shown.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
        });
        let admitted = match key {
            Some(key) => (api.authenticate)(key).await,
            None => None,
        };
        match admitted {
            Some(admitted) => Ok(Self(admitted.operator)),
            None => Err(problem(&Problem::new(
                401,
                code::API_KEY,
                "an operator's key is needed: `Authorization: Bearer …`",
            ))),
        }
    }
}

/// What stands in the path; what cannot be the name of anything leads nowhere.
pub(super) struct At<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for At<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        match Path::<T>::from_request_parts(parts, api).await {
            Ok(Path(at)) => Ok(Self(at)),
            Err(_) => Err(problem(&Problem::new(404, code::API_MISSING, "nothing can be called what the path says"))),
        }
    }
}

/// What the query asks for.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Asked<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        match Query::<T>::from_request_parts(parts, api).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(unfit(rejection.body_text())),
        }
    }
}

/// What the query of a list has that comes in pages.
pub(super) const PAGE: [Parameter; 2] = [
    query("after", "Id", "Only what comes behind this one: `next` of the page before."),
    query("limit", "PageSize", "At most so many."),
];

/// The most that one page has, and what it has where nothing is said.
pub(super) const PAGE_SIZE: u32 = 200;

/// How many a page is to have.
pub(super) fn page_size(limit: Option<u32>) -> Result<u32, String> {
    let limit = limit.unwrap_or(PAGE_SIZE);
    if (1..=PAGE_SIZE).contains(&limit) { Ok(limit) } else { Err(format!("`limit` is 1 to {PAGE_SIZE}")) }
}

/// An object, with its members by their names: a list of values would be taken for them, too, in the order in which they are declared.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Members(PhantomData)).map(Self)
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

/// A body of JSON.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if let Some(charset) = media_type.and_then(media::foreign_charset) {
            return Err(problem(&Problem::new(415, code::BODY_CHARSET, media::in_foreign_charset(charset))));
        }
        match Json::<Object<T>>::from_request(request, state).await {
            Ok(Json(Object(body))) => Ok(Self(body)),
            Err(rejection) => {
                let status = match &rejection {
                    JsonRejection::BytesRejection(_) => 413,
                    JsonRejection::MissingJsonContentType(_) => 415,
                    _ => 400,
                };
                let refused = Problem::new(status, code::API_BODY, rejection.body_text());
                Err(problem(&refused.with_errors(place::of(&rejection).into_iter().collect())))
            }
        }
    }
}

/// Words for the ledger: something, in one line that is no book.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Line(pub(super) String);

impl TryFrom<String> for Line {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        line(&text).map(Self).ok_or("it is said in 1 to 200 characters, on one line")
    }
}

/// What a body has that says only why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Because {
    pub(super) because: Line,
}

/// Words for the ledger, where they are some.
pub(crate) fn line(text: &str) -> Option<String> {
    const MOST: usize = 200;
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= MOST && !text.chars().any(|c| c.is_control() || turns(c));
    fits.then(|| text.to_owned())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident of $most:literal with $joints:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize)]
        #[serde(try_from = "String")]
        pub(crate) struct $name(String);

        impl $name {
            pub(crate) fn into_inner(self) -> String {
                self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let fits = |c: char| c.is_ascii_alphanumeric() || $joints.contains(c);
                if (1..=$most).contains(&text.len()) && text.chars().all(fits) {
                    return Ok(Self(text));
                }
                Err(format!("an id has letters, digits and `{}`, {} at most", $joints, $most))
            }
        }
    )*};
}

ids! {
    /// The id of something that is kept: what has other characters is the id of nothing, and is not looked for.
    Id of 80 with "_-";
    /// The id of a control: `four-eyes`, `rule:names`.
    Control of 80 with ":-";
    /// A subscription: its id, or `consumer/name`.
    SubscriptionChoice of 129 with "_-/";
}

/// How a subscription is called, as the description says it.
pub(super) const SUBSCRIPTION: &str = "^[A-Za-z0-9_/-]{1,129}$";

/// What an id looks like, as the description says it.
pub(super) const ID: &str = "^[A-Za-z0-9_-]{1,80}$";

impl Id {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn words_for_the_ledger_read_as_they_stand() {
        assert_eq!(line(" the wheels came late ").as_deref(), Some("the wheels came late"));
        for text in ["", " ", "two\nlines", "turned\u{202e}round", "a\u{1b}[2J"] {
            assert_eq!(line(text), None, "{text:?}");
        }
    }
}
