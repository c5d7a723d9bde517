//! Schemas of a contract, looked at: behind references and wrappings, with what `allOf` puts together. Every walk is bounded, so that
//! schemas which name themselves end.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::pointer;

/// References and wrappings that are gone through, one after another.
const MOST_HOPS: usize = 32;
/// Longest description that is taken.
const LONGEST_WORDS: usize = 160;
/// Schemas that are put together for one object.
const MOST_PARTS: usize = 64;
/// Members of one object that are read.
const MOST_MEMBERS: usize = 2_000;

/// A schema without its wrappings.
pub(super) struct View<'d> {
    pub(super) schema: &'d Map<String, Value>,
    /// Where it stands.
    pub(super) pointer: String,
    /// Where the outermost of its wrappings stands that says something itself; where it stands where none does.
    pub(super) place: String,
    /// Its wrappings from without, which hold as well.
    pub(super) wrappers: Vec<Wrapper<'d>>,
    /// What it is called, where it is a component.
    pub(super) component: Option<String>,
    pub(super) nullable: bool,
    pub(super) read_only: bool,
    pub(super) write_only: bool,
    pub(super) description: Option<&'d str>,
}

/// What a schema was found in.
pub(super) struct Wrapper<'d> {
    pub(super) schema: &'d Map<String, Value>,
    pub(super) pointer: String,
    /// The keyword behind which the schema is.
    pub(super) by: &'static str,
}

impl Wrapper<'_> {
    /// Whether it says something of values, beside the schema that it wraps.
    fn says(&self) -> bool {
        const NOTHING: &[&str] =
            &["description", "nullable", "readOnly", "writeOnly", "title", "example", "examples", "default"];
        self.schema.keys().any(|name| name != self.by && !name.starts_with("x-") && !NOTHING.contains(&name.as_str()))
    }
}

/// What values are, as far as the schema says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
    /// One of several, or anything.
    Unsaid,
}

/// A member of an object.
pub(super) struct Member<'d> {
    pub(super) name: &'d str,
    pub(super) schema: &'d Value,
    pub(super) pointer: String,
    pub(super) required: bool,
}

/// Something that a schema says and that has no form here.
pub(super) struct Unfit {
    pub(super) why: String,
    pub(super) pointer: String,
}

impl Unfit {
    fn new(why: &str, pointer: &str) -> Self {
        Self { why: why.to_owned(), pointer: pointer.to_owned() }
    }
}

/// The schema behind references, single `allOf` and unions with null.
pub(super) fn view<'d>(document: &'d Value, value: &'d Value, at: &str) -> Result<View<'d>, Unfit> {
    let (mut value, mut at) = (value, at.to_owned());
    let (mut nullable, mut read_only, mut write_only) = (false, false, false);
    let (mut component, mut description) = (None, None);
    let mut wrappers: Vec<Wrapper<'d>> = Vec::new();
    let mut place: Option<String> = None;
    for _ in 0..MOST_HOPS {
        let Value::Object(schema) = value else {
            return Err(Unfit::new("says nothing of its form", &at));
        };
        let says = |name: &str| schema.get(name) == Some(&Value::Bool(true));
        nullable |= says("nullable") || has_null(schema);
        read_only |= says("readOnly");
        write_only |= says("writeOnly");
        description = description.or_else(|| schema.get("description").and_then(Value::as_str));
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = pointer::decoded(reference.strip_prefix('#').unwrap_or_default());
            let found = document.pointer(&target).ok_or_else(|| Unfit::new("refers to nothing", &at))?;
            let wrapper = Wrapper { schema, pointer: std::mem::replace(&mut at, target.clone()), by: "$ref" };
            place = place.or_else(|| wrapper.says().then(|| wrapper.pointer.clone()));
            if place.is_none() {
                component = target.strip_prefix("/components/schemas/").map(str::to_owned).or(component);
            }
            wrappers.push(wrapper);
            value = found;
            continue;
        }
        match wrapped(schema) {
            Wrapping::None => {
                let place = place.unwrap_or_else(|| at.clone());
                let pointer = at;
                return Ok(View {
                    schema,
                    pointer,
                    place,
                    wrappers,
                    component,
                    nullable,
                    read_only,
                    write_only,
                    description,
                });
            }
            Wrapping::One { keyword, index, inner } => {
                let inside = format!("{at}/{keyword}/{index}");
                let wrapper = Wrapper { schema, pointer: std::mem::replace(&mut at, inside), by: keyword };
                place = place.or_else(|| wrapper.says().then(|| wrapper.pointer.clone()));
                wrappers.push(wrapper);
                value = inner;
            }
            Wrapping::Several => return Err(Unfit::new("is one of several forms", &at)),
        }
    }
    Err(Unfit::new("refers to itself", &at))
}

enum Wrapping<'d> {
    None,
    One { keyword: &'static str, index: usize, inner: &'d Value },
    Several,
}

/// What a schema only wraps: the one part of `allOf`, the one that is not null of `oneOf` and `anyOf`.
fn wrapped(schema: &Map<String, Value>) -> Wrapping<'_> {
    if schema.contains_key("properties") {
        return Wrapping::None;
    }
    if let Some([inner]) = list(schema, "allOf") {
        return Wrapping::One { keyword: "allOf", index: 0, inner };
    }
    for keyword in ["oneOf", "anyOf"] {
        let Some(branches) = list(schema, keyword) else { continue };
        let mut others = branches.iter().enumerate().filter(|(_, branch)| !is_null(branch));
        return match (others.next(), others.next()) {
            (Some((index, inner)), None) => Wrapping::One { keyword, index, inner },
            (Some(_), Some(_)) => Wrapping::Several,
            (None, _) => Wrapping::None,
        };
    }
    Wrapping::None
}

fn list<'d>(schema: &'d Map<String, Value>, name: &str) -> Option<&'d [Value]> {
    schema.get(name).and_then(Value::as_array).map(Vec::as_slice)
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

fn has_null(schema: &Map<String, Value>) -> bool {
    let in_type = list(schema, "type").is_some_and(|types| types.iter().any(|it| it == "null"));
    let in_words = list(schema, "enum").is_some_and(|words| words.contains(&Value::Null));
    let in_union = ["oneOf", "anyOf"].iter().any(|name| list(schema, name).is_some_and(|it| it.iter().any(is_null)));
    in_type || in_words || in_union
}

impl View<'_> {
    /// What the schema says under this name, or a wrapping of it.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.wrappers.iter().find_map(|wrapper| wrapper.schema.get(name)).or_else(|| self.schema.get(name))
    }

    /// What its values are.
    pub(super) fn form(&self) -> Form {
        let types: Vec<&str> = match self.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => {
                several.iter().filter_map(Value::as_str).filter(|it| *it != "null").collect()
            }
            _ => Vec::new(),
        };
        let has = |name: &str| self.schema.contains_key(name) || (name != "allOf" && self.get(name).is_some());
        match types.as_slice() {
            ["object"] => Form::Object,
            ["array"] => Form::Array,
            ["string"] => Form::String,
            ["integer"] => Form::Integer,
            ["number"] => Form::Number,
            ["boolean"] => Form::Boolean,
            [] if has("properties") || has("allOf") => Form::Object,
            [] if has("items") => Form::Array,
            [] if has("enum") || has("const") => {
                let words = self.words().unwrap_or_default();
                let are_texts = words.into_iter().all(Value::is_string);
                if are_texts { Form::String } else { Form::Unsaid }
            }
            _ => Form::Unsaid,
        }
    }

    /// A text of the schema.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// The words of an enumeration, with the one of `const`.
    pub(super) fn words(&self) -> Option<Vec<&Value>> {
        let words = self.get("enum").and_then(Value::as_array).map(|words| words.iter().collect::<Vec<_>>());
        let only = self.get("const").map(|word| vec![word]);
        words.or(only).map(|words| words.into_iter().filter(|word| !word.is_null()).collect())
    }
}

/// What an object holds.
pub(super) struct Members<'d> {
    /// Its members, each name once.
    pub(super) list: Vec<Member<'d>>,
    /// What it says beside them that has no form here.
    pub(super) unfit: Vec<Unfit>,
    /// The schemas that it is put together of.
    pub(super) parts: BTreeSet<String>,
}

/// The members of an object, with those of what `allOf` puts together; of a name that stands twice the first.
pub(super) fn members<'d>(document: &'d Value, view: &View<'d>) -> Members<'d> {
    let members = Members { list: Vec::new(), unfit: Vec::new(), parts: BTreeSet::new() };
    let mut gathering = Gathering { document, members, names: BTreeSet::new(), required: BTreeSet::new() };
    gathering.add(view);
    let Gathering { mut members, required, .. } = gathering;
    for member in &mut members.list {
        member.required = required.contains(member.name);
    }
    members
}

struct Gathering<'d> {
    document: &'d Value,
    members: Members<'d>,
    names: BTreeSet<&'d str>,
    required: BTreeSet<&'d str>,
}

impl<'d> Gathering<'d> {
    fn add(&mut self, view: &View<'d>) {
        for wrapper in &view.wrappers {
            self.part(wrapper.schema, &wrapper.pointer);
        }
        if !self.part(view.schema, &view.pointer) {
            return;
        }
        for keyword in ["oneOf", "anyOf"] {
            if view.schema.contains_key(keyword) {
                let unfit = Unfit::new("is one of several forms", &pointer::join(&view.pointer, keyword));
                self.members.unfit.push(unfit);
            }
        }
        for (index, part) in list(view.schema, "allOf").unwrap_or_default().iter().enumerate() {
            match self::view(self.document, part, &format!("{}/allOf/{index}", view.pointer)) {
                Ok(part) => self.add(&part),
                Err(unfit) => self.members.unfit.push(unfit),
            }
        }
    }

    /// Takes what stands in one schema itself; false where that was done already, or is too much.
    fn part(&mut self, schema: &'d Map<String, Value>, at: &str) -> bool {
        if !self.members.parts.insert(at.to_owned()) {
            return false;
        }
        if self.members.parts.len() > MOST_PARTS {
            self.members.unfit.push(Unfit::new("is put together of too many parts", at));
            return false;
        }
        let place = pointer::join(at, "properties");
        for (name, own) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let pointer = pointer::join(&place, name);
            if !self.names.insert(name) {
                let first = self.members.list.iter().find(|member| member.name == name);
                if first.is_some_and(|first| first.schema != own) {
                    self.members.unfit.push(Unfit::new("is said a second time, otherwise", &pointer));
                }
                continue;
            }
            if self.names.len() > MOST_MEMBERS {
                self.members.unfit.push(Unfit::new("has too many members", &place));
                break;
            }
            self.members.list.push(Member { name, schema: own, pointer, required: false });
        }
        let required = list(schema, "required").unwrap_or_default();
        self.required.extend(required.iter().filter_map(Value::as_str));
        true
    }
}

/// Whether the first sentence is all of a description.
pub(super) fn is_whole(text: &str) -> bool {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    sentence(text).is_none_or(|first| first == line)
}

/// The first sentence of a description, in one line.
pub(super) fn sentence(text: &str) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let first = line.split_inclusive(". ").next().unwrap_or_default().trim();
    let plain: String = first.chars().filter(|c| !c.is_control()).take(LONGEST_WORDS).collect();
    Some(plain.trim().to_owned()).filter(|plain| !plain.is_empty())
}
