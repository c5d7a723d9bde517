//! From an OpenAPI document to what is checked. What cannot be compiled is named and leaves the rest as it is.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::document::{self, At, Dialect};
use super::form::Form;
use super::kinds::{self, Kinds};
use super::media::{self, Media};
use super::named::{Counted, Names};
use super::parameter::{Parameter, Style};
use super::schemas::{Schema, Schemas};
use super::translate::{Sender, translated};
use super::values::{Separator, Shape};
use super::violation::Where;
use super::{AnswerContract, BodyContract, Compiled, OperationContract, RowParameter, Statuses};

const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// Headers that are not parameters, whatever a contract says.
const NOT_PARAMETERS: &[&str] = &["accept", "content-type", "authorization"];

/// Compiles a contract that was read without errors before.
pub(super) fn compile(file: &str, text: &str) -> Compiled {
    let Some((document, dialect)) = document::read(file, text) else { return Compiled::default() };
    let side = |sender| match dialect {
        Dialect::V30 => Cow::Owned(translated(&document, sender)),
        Dialect::V31 => Cow::Borrowed(&document),
    };
    let (requests, answers) = (side(Sender::Caller), side(Sender::Upstream));
    let mut compiled = Compiled::default();
    match (Side::new(&requests), Side::new(&answers)) {
        (Ok(mut requests), Ok(mut answers)) => {
            let mut names = Names::default();
            compiled.operations = operations(&mut requests, &mut answers, &mut names);
            compiled.attributes = names.into_list();
            compiled.problems = requests.problems;
            compiled.problems.append(&mut answers.problems);
            compiled.unread = (requests.unread, answers.unread);
            compiled.problems.sort();
            compiled.problems.dedup();
        }
        (Err(problem), _) | (_, Err(problem)) => compiled.problems.push(problem),
    }
    compiled
}

/// The document as one side's messages are checked against it.
struct Side<'a> {
    root: &'a Value,
    schemas: Schemas<'a>,
    problems: Vec<String>,
    /// Bodies that are declared and never read.
    unread: Vec<String>,
}

fn operations(
    requests: &mut Side<'_>,
    answers: &mut Side<'_>,
    names: &mut Names,
) -> HashMap<Box<str>, Arc<OperationContract>> {
    let mut operations = HashMap::new();
    let paths = At::root(requests.root).get("paths").map(|paths| paths.members()).unwrap_or_default();
    let answered = At::root(answers.root).get("paths");
    for (template, item) in paths.iter().filter(|(template, _)| template.starts_with('/')) {
        let answered = answered.as_ref().and_then(|paths| paths.get(template));
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let Some(id) = operation.text("operationId") else { continue };
            let answers_at = answered.as_ref().and_then(|item| item.get(method));
            let parameters = requests.parameters(template, item, &operation);
            let contract = OperationContract {
                queries: Counted::in_queries(&parameters, names),
                parameters,
                rows: rows(template, item, &operation),
                body: operation.get("requestBody").map(|body| requests.body(&body, id, names)),
                answers: answers_at.map(|operation| answers.answers(&operation, id)).unwrap_or_default(),
            };
            operations.insert(id.into(), Arc::new(contract));
        }
    }
    operations
}

/// Parameters that the contract marks as telling rows apart.
fn rows(template: &str, item: &At<'_>, operation: &At<'_>) -> Vec<RowParameter> {
    let lists = [operation, item].into_iter().filter_map(|at| at.get("parameters"));
    let marked = lists.flat_map(|list| list.items()).filter_map(|at| {
        let (attribute, name) = (at.text("x-selvage-row")?, at.text("name")?);
        let place = place(at.text("in")?)?;
        let wanted = format!("{{{name}}}");
        let segment = template.split('/').position(|segment| segment == wanted);
        let segment = if place == Where::Path { segment? } else { 0 };
        Some(RowParameter { attribute: attribute.into(), name: name.into(), place, segment })
    });
    marked.collect()
}

fn place(word: &str) -> Option<Where> {
    Some(match word {
        "path" => Where::Path,
        "query" => Where::Query,
        "header" => Where::Header,
        "cookie" => Where::Cookie,
        _ => return None,
    })
}

impl<'a> Side<'a> {
    fn new(root: &'a Value) -> Result<Self, String> {
        Ok(Self { root, schemas: Schemas::new(root)?, problems: Vec::new(), unread: Vec::new() })
    }

    /// The schema there, where there is one that can be compiled.
    fn schema(&mut self, at: &At<'_>) -> Option<Schema> {
        self.compiled(at, Schemas::at)
    }

    fn compiled(&mut self, at: &At<'_>, by: fn(&Schemas<'a>, &str) -> Result<Schema, String>) -> Option<Schema> {
        // The place as written: the compiled schema follows references itself.
        at.node.get("schema")?;
        let pointer = format!("{}/schema", at.pointer);
        match by(&self.schemas, &pointer) {
            Ok(schema) => Some(schema),
            Err(problem) => {
                self.problems.push(format!("`{pointer}`: {problem}"));
                None
            }
        }
    }

    /// Those of the path, and those of the operation, which replace them.
    fn parameters(&mut self, template: &str, item: &At<'a>, operation: &At<'a>) -> Vec<Parameter> {
        let list = |at: &At<'a>| at.get("parameters").map(|list| list.items()).unwrap_or_default();
        let mut parameters: Vec<Parameter> = Vec::new();
        for at in list(item).into_iter().chain(list(operation)) {
            if let Some(parameter) = self.parameter(template, &at) {
                parameters.retain(|known| (known.place, &known.name) != (parameter.place, &parameter.name));
                parameters.push(parameter);
            }
        }
        parameters
    }

    fn parameter(&mut self, template: &str, at: &At<'a>) -> Option<Parameter> {
        let name = at.text("name")?;
        let place = place(at.text("in")?)?;
        if place == Where::Header && NOT_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) {
            return None;
        }
        let wanted = format!("{{{name}}}");
        let segment = template.split('/').position(|segment| segment == wanted);
        if place == Where::Path && segment.is_none() {
            return None;
        }
        let mut parameter = self.shaped(at, place, name)?;
        parameter.segment = segment.unwrap_or(0);
        parameter.required = place == Where::Path || at.flag("required").unwrap_or(false);
        Some(parameter)
    }

    /// A parameter or a header by its schema and style.
    fn shaped(&mut self, at: &At<'a>, place: Where, name: &str) -> Option<Parameter> {
        let is_form = matches!(place, Where::Query | Where::Cookie);
        let style = match at.text("style") {
            None if is_form => Style::Form(Separator::Comma),
            Some("form") if is_form => Style::Form(Separator::Comma),
            Some("spaceDelimited") if place == Where::Query => Style::Form(Separator::Blank),
            Some("pipeDelimited") if place == Where::Query => Style::Form(Separator::Pipe),
            Some("deepObject") if place == Where::Query => Style::Deep,
            None | Some("simple") if !is_form => Style::Simple,
            Some(other) => {
                self.problems.push(format!("`{}`: the style `{other}` is not checked there", at.pointer));
                return None;
            }
            None => return None,
        };
        let exploded = at.flag("explode").unwrap_or(style == Style::Form(Separator::Comma));
        let content = at.get("content").and_then(|content| content.members().into_iter().next());
        let (shape, schema) = match content {
            Some((media_type, content)) => {
                let is_json = media::parts(media_type).is_some_and(|(kind, sub)| media::is_json(kind, sub));
                if is_json { (Shape::Json, self.schema(&content)) } else { (Shape::Scalar(Kinds::STRING), None) }
            }
            None => (self.shape(at.node.get("schema").unwrap_or(&Value::Null)), self.schema(at)),
        };
        let may_be_empty = at.flag("allowEmptyValue").unwrap_or(false);
        Some(Parameter {
            place,
            name: name.into(),
            segment: 0,
            required: false,
            may_be_empty,
            style,
            exploded,
            shape,
            schema,
        })
    }

    fn shape(&self, schema: &'a Value) -> Shape {
        let found = kinds::of(self.root, schema);
        let of = |schema: Option<&Value>| schema.map_or(Kinds::ALL, |schema| kinds::of(self.root, schema));
        if found.has(Kinds::ARRAY) && !found.has(Kinds::STRING) {
            return Shape::List(of(kinds::part(self.root, schema, &|schema| schema.get("items"))));
        }
        if found.has(Kinds::OBJECT) && !found.has(Kinds::STRING) {
            let known = kinds::part(self.root, schema, &|schema| schema.get("properties")).and_then(Value::as_object);
            let known = known.into_iter().flatten();
            let members = known.map(|(name, schema)| (name.as_str().into(), kinds::of(self.root, schema))).collect();
            return Shape::Group(
                members,
                of(kinds::part(self.root, schema, &|schema| schema.get("additionalProperties"))),
            );
        }
        Shape::Scalar(found)
    }

    fn body(&mut self, at: &At<'a>, id: &str, names: &mut Names) -> BodyContract {
        let mut all = self.media(at, id);
        let content = at.get("content").map(|content| content.members()).unwrap_or_default();
        for (range, content) in &content {
            let schema = content.node.get("schema").unwrap_or(&Value::Null);
            let members = kinds::part(self.root, schema, &|schema| schema.get("properties")).and_then(Value::as_object);
            let members = members.into_iter().flat_map(|members| members.keys()).map(String::as_str);
            if let Some(schema) = all.iter_mut().find(|media| media.is_range(range)).and_then(Media::schema_mut) {
                schema.count(members, names);
            }
        }
        BodyContract { required: at.flag("required").unwrap_or(false), media: all }
    }

    fn media(&mut self, at: &At<'a>, id: &str) -> Vec<Media> {
        let content = at.get("content").map(|content| content.members()).unwrap_or_default();
        let mut all = Vec::new();
        for (range, content) in &content {
            let schema = content.node.get("schema").unwrap_or(&Value::Null);
            let found = kinds::of(self.root, schema);
            let structured = !found.has(Kinds::STRING) && (found.has(Kinds::OBJECT) || found.has(Kinds::ARRAY));
            let form = media::is_form(range).then(|| Form::of(self.root, schema, content.node.get("encoding")));
            let (form, why) = match form {
                Some(Ok(form)) => (Some(form), String::new()),
                Some(Err(why)) => (None, format!(" ({why})")),
                None => (None, String::new()),
            };
            let Some(media) = Media::new(range, self.compiled(content, Schemas::of_body), form, structured) else {
                continue;
            };
            if media.is_unread() {
                self.unread.push(format!("`{range}` of `{id}`{why}"));
            }
            all.push(media);
        }
        all
    }

    fn answers(&mut self, operation: &At<'a>, id: &str) -> Vec<(Statuses, AnswerContract)> {
        let mut answers = Vec::new();
        let declared = operation.get("responses").map(|responses| responses.members()).unwrap_or_default();
        for (status, at) in declared {
            let Some(statuses) = statuses(status) else { continue };
            let headers = at.get("headers").map(|headers| headers.members()).unwrap_or_default();
            let headers = headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            let headers = headers.filter_map(|(name, header)| {
                let required = header.flag("required").unwrap_or(false);
                Some(Parameter { required, ..self.shaped(header, Where::Header, name)? })
            });
            let headers = headers.collect();
            answers.push((statuses, AnswerContract { headers, media: self.media(&at, id) }));
        }
        answers.sort_by_key(|(statuses, _)| *statuses);
        answers
    }
}

fn statuses(text: &str) -> Option<Statuses> {
    if text == "default" {
        return Some(Statuses::Default);
    }
    match text.strip_suffix("XX").or_else(|| text.strip_suffix("xx")) {
        Some(hundred) => hundred.parse().ok().map(Statuses::Hundred),
        None => text.parse().ok().map(Statuses::One),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_statuses_come_before_ranges_and_the_default() {
        let mut all: Vec<Statuses> = ["default", "4XX", "404", "200"].into_iter().filter_map(statuses).collect();
        all.sort_unstable();
        assert_eq!(all, [Statuses::One(200), Statuses::One(404), Statuses::Hundred(4), Statuses::Default]);
        assert_eq!((statuses("x-note"), statuses("2xx")), (None, Some(Statuses::Hundred(2))));
    }

    #[test]
    fn what_cannot_be_checked_is_named_and_the_rest_is() {
        let text = r##"
openapi: 3.1.0
info: {title: T, version: "1"}
paths:
  /a/{id}:
    get:
      operationId: a
      parameters:
        - {name: id, in: path, required: true, style: matrix, schema: {type: string}}
        - {name: n, in: query, schema: {type: string, pattern: "(?=x)"}}
        - {name: far, in: query, schema: {$ref: "https://elsewhere.example/x"}}
      responses: {"200": {description: ok, content: {application/json: {schema: {$ref: "#/components/schemas/node"}}}}}
components:
  schemas:
    node: {type: object, properties: {next: {$ref: "#/components/schemas/node"}}}
"##;
        let compiled = compile("c.yaml", text);
        assert_eq!(compiled.problems.len(), 3, "{:#?}", compiled.problems);
        assert!(compiled.problems[0].contains("matrix"), "{:#?}", compiled.problems);
        let operation = compiled.operation("a").unwrap();
        assert!(matches!(
            operation.answer(http::StatusCode::OK).unwrap().body(Some("application/json")),
            super::super::Expected::Read(_)
        ));
    }
}
