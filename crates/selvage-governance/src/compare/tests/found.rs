//! What was once missed: changes that break somebody, and that the comparison called safe or said nothing of.

use super::{Direction, Verdict, contract, node, openapi, schema};
use crate::compare::asyncapi;

/// The codes of what is not safe.
fn grave(found: &[crate::compare::Difference]) -> Vec<&'static str> {
    let mut codes: Vec<&str> =
        found.iter().filter(|one| one.verdict != Verdict::Safe).map(|one| one.class.code).collect();
    codes.dedup();
    codes
}

/// An operation with this beside its id.
fn operation(rest: &str) -> String {
    contract("3.1.0", &format!("paths: {{/a: {{get: {{operationId: a, {rest}}}}}}}"))
}

fn answers(rest: &str) -> String {
    operation(&format!("responses: {{{rest}}}"))
}

fn compared(cases: &[(String, String, &[&str])]) {
    for (before, after, expected) in cases {
        let found = openapi(&node(before), &node(after));
        assert_eq!(grave(&found), *expected, "{before}\n{after}");
    }
}

#[test]
fn addresses_are_those_of_the_operation() {
    let whole = |servers: &str, own: &str| {
        contract("3.1.0", &format!("servers: [{servers}]\npaths: {{/a: {{get: {{operationId: a}}, {own}}}}}"))
    };
    let (one, other) = ("{url: https://a.example}", "{url: https://b.example}");
    compared(&[
        (
            operation("servers: [{url: https://a.example}]"),
            operation("servers: [{url: https://b.example}]"),
            &["openapi.server.removed"],
        ),
        // What was that of the whole is the path's own.
        (whole(one, "summary: A"), whole(one, &format!("servers: [{other}]")), &["openapi.server.removed"]),
        (whole(one, "summary: A"), whole(one, &format!("servers: [{one}]")), &[]),
        (whole(one, &format!("servers: [{other}]")), whole(one, "summary: A"), &["openapi.server.removed"]),
        (operation("summary: A"), operation("servers: [{url: https://b.example}]"), &["openapi.server.stated"]),
        (
            operation("servers: [{url: 'https://{b}.example', variables: {b: {default: x}}}]"),
            operation("servers: [{url: 'https://{b}.example', variables: {b: {default: x, enum: [x]}}}]"),
            &["openapi.server-value.removed"],
        ),
    ]);
}

#[test]
fn answers_are_found_by_what_their_status_means() {
    let text = "content: {application/json: {schema: {type: string}}}";
    let number = "content: {application/json: {schema: {type: integer}}}";
    let widened: &[&str] = &["schema.type.widened.response"];
    compared(&[
        (answers(&format!("2xx: {{{text}}}")), answers(&format!("2XX: {{{number}}}")), widened),
        (answers(&format!("2xx: {{{text}}}")), answers(&format!("2XX: {{{text}}}")), &[]),
        // A hundred of which one is spelled out.
        (
            answers(&format!("2XX: {{{text}}}")),
            answers(&format!("'200': {{{number}}}")),
            &["openapi.answer.narrowed", "schema.type.widened.response"],
        ),
        (answers(&format!("2XX: {{{text}}}")), answers(&format!("'200': {{{number}}}, 2XX: {{{text}}}")), widened),
        // One that becomes its hundred, and a hundred that comes beside one.
        (
            answers(&format!("'200': {{{text}}}")),
            answers(&format!("2xx: {{{number}}}")),
            &["openapi.answer.widened", "schema.type.widened.response"],
        ),
        (
            answers(&format!("'200': {{{text}}}")),
            answers(&format!("'200': {{{text}}}, 2XX: {{{text}}}")),
            &["openapi.answer.added"],
        ),
        (
            answers(&format!("default: {{{text}}}")),
            answers(&format!("'200': {{{number}}}, default: {{{text}}}")),
            widened,
        ),
        // What is for every other status may be for one that is no error.
        (
            answers(&format!("'200': {{{text}}}")),
            answers(&format!("'200': {{{text}}}, default: {{{number}}}")),
            &["openapi.answer.added"],
        ),
        // There was no word of answers.
        (operation("summary: A"), answers("'200': {description: Done}"), &["openapi.answer.added"]),
        // Of a range of kinds.
        (
            answers("'200': {content: {image/*: {}}}"),
            answers("'200': {content: {image/png: {}}}"),
            &["openapi.answer-media.narrowed"],
        ),
    ]);
}

#[test]
fn a_kind_of_body_that_was_within_a_range_is_held_to_it() {
    let body = |content: &str| operation(&format!("requestBody: {{content: {{{content}}}}}"));
    compared(&[(
        body("'application/*': {schema: {type: object}}"),
        body("'application/*': {schema: {type: object}}, application/json: {schema: {type: object, required: [code]}}"),
        &["schema.required.narrowed.request"],
    )]);
    // Of several ranges it was held to the closest, and is held to that where it is gone.
    let ranges = "'*/*': {schema: {type: object}}, 'application/*': {schema: {type: array}}";
    compared(&[
        (
            body(ranges),
            body(&format!("{ranges}, application/json: {{schema: {{type: object}}}}")),
            &["schema.type.narrowed.request"],
        ),
        (
            body(&format!("{ranges}, application/json: {{schema: {{type: object}}}}")),
            body(ranges),
            &["schema.type.narrowed.request"],
        ),
    ]);
}

#[test]
fn headers_are_written_in_a_way() {
    let header = |rest: &str| answers(&format!("'200': {{headers: {{X-A: {{{rest}}}}}}}"));
    compared(&[
        (
            header("schema: {type: array}"),
            header("explode: true, schema: {type: array}"),
            &["openapi.header-style.changed"],
        ),
        (
            header("content: {text/plain: {schema: {type: string}}}"),
            header("content: {application/json: {schema: {type: string}}}"),
            &["openapi.header-content.changed"],
        ),
        (
            header("schema: {type: string}"),
            header("schema: {type: string}, x-signed: true"),
            &["openapi.other.changed"],
        ),
    ]);
}

#[test]
fn paths_are_taken_whole() {
    let paths = |rest: &str| contract("3.1.0", &format!("paths: {{'/a/{{id}}': {{get: {{operationId: a}}}}, {rest}}}"));
    let referred = |beside: &str, kind: &str| {
        contract(
            "3.1.0",
            &format!(
                "paths: {{/a: {{$ref: '#/components/pathItems/a', {beside}}}}}\ncomponents: {{pathItems: {{a: {{get: {{operationId: a}}, parameters: \
                 [{{name: q, in: query, schema: {{type: {kind}}}}}]}}}}}}\n"
            ),
        )
    };
    compared(&[
        (paths("/b: {}"), paths("/b: {}, /a/new: {get: {operationId: n}}"), &["openapi.path.taken"]),
        (paths("/b: {}"), paths("/b: {}, /a/x/new: {get: {operationId: n}}"), &[]),
        // What stands beside a reference counts, and so does what it leads to.
        (
            referred("post: {operationId: p}", "string"),
            referred("summary: A", "string"),
            &["openapi.operation.removed"],
        ),
        (referred("summary: A", "string"), referred("summary: A", "integer"), &["schema.type.narrowed.request"]),
        (
            referred("summary: A", "string"),
            referred("parameters: [{name: r, in: query, required: true}]", "string"),
            &["openapi.parameter.added-required"],
        ),
    ]);
}

#[test]
fn what_nothing_names_is_unproven() {
    for (before, after) in [
        (contract("3.1.0", "x-a: 1"), contract("3.1.0", "x-a: 2")),
        (operation("summary: A"), operation("x-a: 1")),
        (operation("parameters: [{name: q, in: query}]"), operation("parameters: [{name: q, in: query, x-a: 1}]")),
        (operation("requestBody: {content: {}}"), operation("requestBody: {content: {}, x-a: 1}")),
        (answers("'200': {content: {a/b: {}}}"), answers("'200': {content: {a/b: {x-a: 1}}}")),
        (answers("'200': {}"), answers("'200': {}, x-a: 1")),
    ] {
        compared(&[(before, after, &["openapi.other.changed"])]);
    }
}

/// In 3.1 what stands beside a reference counts, in 3.0 it does not.
#[test]
fn what_stands_beside_a_reference_counts_where_it_does() {
    let of = |version: &str, most: u32| {
        let call = format!(
            "{{post: {{requestBody: {{content: {{a/b: {{schema: {{$ref: '#/components/schemas/a', maxLength: {most}}}}}}}}}}}}}"
        );
        node(&contract(
            version,
            &format!(
                "paths: {{/a: {{get: {{operationId: a, callbacks: {{done: {{'{{$url}}': {call}}}}}}}}}}}\ncomponents: {{schemas: {{a: {{type: string}}}}}}"
            ),
        ))
    };
    assert_eq!(grave(&openapi(&of("3.1.0", 1), &of("3.1.0", 2))), ["openapi.callback.changed"]);
    assert_eq!(grave(&openapi(&of("3.0.3", 1), &of("3.0.3", 2))), [""; 0]);
}

/// Schemas, and what is grave of requests and of answers.
#[test]
fn schemas_whose_changes_were_missed() {
    let with = |schema: &str, kind: &str| format!("{{{schema}, $defs: {{a: {{type: {kind}}}}}}}");
    let refer = |schema: &str| (with(schema, "string"), with(schema, "integer"));
    let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
    let content: [&[&str]; 2] = [&["schema.content.changed.request"], &["schema.content.changed.response"]];
    let other: [&[&str]; 2] = [&["schema.other.changed.request"], &["schema.other.changed.response"]];
    let doubt: [&[&str]; 2] = [&["schema.keyword.narrowed.request"], &["schema.keyword.widened.response"]];
    for ((old, new), [request, response]) in [
        (refer("dependencies: {a: {$ref: '#/$defs/a'}}"), doubt),
        (pair("{dependencies: {a: [b]}}", "{dependencies: {a: [c]}}"), doubt),
        (refer("type: string, contentSchema: {$ref: '#/$defs/a'}"), content),
        (pair("{contentMediaType: a/b}", "{contentMediaType: a/c}"), content),
        // The second of two that say it.
        (
            pair("{allOf: [{default: 1}, {default: 2}]}", "{allOf: [{default: 1}, {default: 3}]}"),
            [&["schema.default.changed.request"], &[]],
        ),
        (refer("x-shape: {$ref: '#/$defs/a'}"), other),
        (pair("{$schema: 'https://json-schema.org/draft/2020-12/schema'}", "{$schema: 'https://a.example'}"), other),
        (pair("{enum: [a], nullable: true}", "{enum: [a]}"), other),
        (
            pair("{type: string, x-extensible-enum: [a]}", "{type: string}"),
            [&["schema.extensible-enum.changed.request"], &["schema.extensible-enum.changed.response"]],
        ),
        (
            pair("{required: [a], properties: {a: {readOnly: true}}}", "{required: [a], properties: {a: {}}}"),
            [&["schema.read-only.demanded.request"], &[]],
        ),
    ] {
        let (before, after) = (node(&old), node(&new));
        assert_eq!(grave(&schema(&before, &after, Direction::Request)), request, "{old} {new}");
        assert_eq!(grave(&schema(&before, &after, Direction::Response)), response, "{old} {new}");
    }
}

/// A schema that only a discriminator leads to, by the name of it.
#[test]
fn what_a_discriminator_leads_to_counts() {
    let of = |own: &str, kind: &str| {
        node(&contract(
            "3.0.3",
            &format!(
                "paths: {{/a: {{get: {{operationId: a, responses: {{'200': {{content: {{a/b: {{schema: {{$ref: '#/components/schemas/pet'}}}}}}}}}}}}}}}}\n\
                 components: {{schemas: {{pet: {{type: object, properties: {{a: {{type: {own}}}}}, discriminator: {{propertyName: kind}}}}, cat: {{allOf: \
                 [{{$ref: '#/components/schemas/pet'}}, {{properties: {{lives: {{type: {kind}}}}}}}]}}}}}}"
            ),
        ))
    };
    let grave_of = |before, after| grave(&openapi(&before, &after));
    let changed = "schema.discriminator-schema.changed.response";
    assert_eq!(grave_of(of("string", "integer"), of("string", "string")), [changed]);
    assert_eq!(openapi(&of("string", "string"), &of("string", "string")), []);
    // What is different in the schema itself is told by itself.
    assert_eq!(grave_of(of("number", "string"), of("integer", "string")), [""; 0]);
    assert_eq!(grave_of(of("integer", "string"), of("number", "string")), ["schema.type.widened.response"]);
}

#[test]
fn what_an_asyncapi_document_says_beside_its_messages_counts() {
    let whole = |channel: &str, operation: &str, payload: &str| {
        node(&format!(
            "asyncapi: 3.0.0\nservers: {{s: {{host: s.example, protocol: nats}}}}\nchannels: {{a: {{address: a, messages: {{m: {{payload: {payload}}}}}, {channel}}}}}\n\
             operations: {{o: {{action: send, channel: {{$ref: '#/channels/a'}}, {operation}}}}}\ncomponents: {{schemas: {{a: {{type: string}}}}}}\n"
        ))
    };
    let plain = || whole("title: A", "title: O", "{type: string}");
    let format = |format: &str, schema: &str| {
        whole("title: A", "title: O", &format!("{{schemaFormat: '{format}', schema: {schema}}}"))
    };
    let (seven, draft) = ("application/schema+json;version=draft-07", "application/schema+json;version=draft-2020-12");
    let beside = |most: u32| format!("{{$ref: '#/components/schemas/a', maxLength: {most}}}");
    for (before, after, expected) in [
        (
            plain(),
            whole("servers: [{$ref: '#/servers/s'}]", "title: O", "{type: string}"),
            &["asyncapi.channel-servers.changed"][..],
        ),
        (
            plain(),
            whole("title: A", "traits: [{bindings: {nats: {queue: q}}}]", "{type: string}"),
            &["asyncapi.operation.changed"],
        ),
        (plain(), whole("title: A", "x-a: 1", "{type: string}"), &["asyncapi.other.changed"]),
        (
            whole("title: A", "title: O", "{discriminator: kind}"),
            whole("title: A", "title: O", "{discriminator: type}"),
            &["schema.discriminator.changed.response"],
        ),
        // Two drafts that say the same are the same.
        (format(seven, "{type: string}"), format(draft, "{type: string}"), &[]),
        (format(seven, "{type: string}"), format("application/schema+yaml; version=draft-07", "{type: string}"), &[]),
        // Of 2020-12 what stands beside a reference counts.
        (format(draft, &beside(1)), format(draft, &beside(2)), &["schema.max-length.widened.response"]),
    ] {
        assert_eq!(grave(&asyncapi(&before, &after)), expected);
    }
}

/// What an earlier version wrote says no format and is read after draft 7; what is written today says 2020-12. Each is read as it is meant.
#[test]
fn payloads_of_different_drafts_are_compared_by_what_they_mean() {
    let document = |payload: &str| {
        node(&format!(
            "asyncapi: 3.0.0\nchannels: {{a: {{address: a, messages: {{m: {{payload: {payload}}}}}}}}}\n\
             operations: {{o: {{action: send, channel: {{$ref: '#/channels/a'}}}}}}\n"
        ))
    };
    let draft =
        |schema: &str| format!("{{schemaFormat: 'application/schema+json;version=draft-2020-12', schema: {schema}}}");
    let two =
        |schema: &str| format!("{{schemaFormat: 'application/vnd.aai.asyncapi;version=2.6.0', schema: {schema}}}");
    let order = "{type: object, required: [code], properties: {code: {type: string, maxLength: 9}}}";
    let longer = order.replace('9', "12");
    let beside = "{$ref: '#/components/schemas/code', maxLength: 9}";
    let of = |before: &str, after: &str| -> Vec<&'static str> {
        let with = |payload: &str| {
            let text = document(payload);
            let mut value = text.to_value();
            value["components"] = serde_json::json!({"schemas": {"code": {"type": "string"}}});
            node(&value.to_string())
        };
        asyncapi(&with(before), &with(after)).iter().map(|it| it.class.code).collect()
    };
    assert_eq!(of(order, &draft(order)), [""; 0]);
    assert_eq!(of(&two(order), &draft(order)), [""; 0]);
    assert_eq!(of(order, &draft(&longer)), ["schema.max-length.widened.response"]);
    assert_eq!(of(&draft(&longer), order), ["schema.max-length.narrowed.response"]);
    // What stands beside a reference counts in the one and says nothing in the other.
    assert_eq!(of(&draft(beside), beside), ["schema.max-length.widened.response"]);
    let needs = "{type: object, dependencies: {a: [b]}}";
    assert_eq!(of(needs, &draft(needs)), ["schema.keyword.widened.response"]);
    let avro = "{schemaFormat: application/vnd.apache.avro+json, schema: {type: int}}";
    assert_eq!(of(avro, &draft(order)), ["asyncapi.schema-format.changed"]);
}
