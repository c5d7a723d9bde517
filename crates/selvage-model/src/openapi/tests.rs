//! What is read of contracts, and what is said about those that cannot be used.

use super::*;

fn operations(text: &str) -> Vec<String> {
    let (contract, findings) = Contract::read(text, "c.yaml");
    assert_eq!(findings, []);
    contract
        .operations
        .iter()
        .map(|operation| format!("{} {} {}", operation.method, operation.path, operation.id))
        .collect()
}

#[test]
fn yaml_and_json() {
    let yaml = "
openapi: 3.1.0
info: {title: Stock, version: 1.10}
x-owner: wms
paths:
  x-note: nothing
  /stock:
    summary: All of it
    parameters: []
    get: {operationId: listStock, responses: {}}
    post: {operationId: postStock}
  /stock/{id}:
    $ref: '#/components/pathItems/one~1stock'
components:
  pathItems:
    one/stock: {$ref: '#/paths/~1stock~1{id}~1same'}
";
    let text = format!("{yaml}\n");
    let with_target =
        text.replace("  /stock/{id}:", "  /stock/{id}/same:\n    delete: {operationId: dropStock}\n  /stock/{id}:");
    let with_target = with_target.replace("operationId: dropStock}", "operationId: dropStock, tags: [a]}");
    let (contract, findings) = Contract::read(&with_target, "c.yaml");
    // The same item serves two paths, so its operation stands twice.
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((contract.title.as_str(), contract.version.as_str()), ("Stock", "1.10"));
    let json = r#"{"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, "paths": {"/a/{b}": {"get": {"operationId": "getB"}}}}"#;
    assert_eq!(operations(json), ["GET /a/{b} getB"]);
    let tabs = json.replace(", ", ",\n\t");
    assert_eq!(operations(&tabs), ["GET /a/{b} getB"]);
}

#[test]
fn references_within_the_document() {
    let text = "
openapi: 3.0.0
info: {title: T, version: '1'}
paths:
  /a: {$ref: '#/components/pathItems/a'}
components: {pathItems: {a: {get: {operationId: getA}}}}
";
    assert_eq!(operations(text), ["GET /a getA"]);
}

#[test]
fn what_cannot_be_used() {
    for (paths, expected) in [
        ("{/a: {get: {}}}", "GET `/a` has no usable `operationId`"),
        ("{/a: {get: {operationId: 'a b'}}}", "GET `/a` has no usable `operationId`"),
        (
            "{/a: {get: {operationId: x}}, /b: {get: {operationId: x}}}",
            "the operation `x` stands twice; first in line 3",
        ),
        ("{'/a/{x}': {}, '/a/{y}': {}}", "`/a/{y}` cannot be told from the path in line 3"),
        ("{a: {}}", "`a` is not a path template: it does not begin with `/`"),
        ("{'/a/b{c}': {}}", "`/a/b{c}` is not a path template: a parameter is a whole segment"),
        ("{/a//b: {}}", "`/a//b` is not a path template: it has an empty segment, `.` or `..`"),
        ("{'/{a}/{a}': {}}", "`/{a}/{a}` is not a path template: a parameter stands twice"),
        ("{/a/../b: {}}", "`/a/../b` is not a path template: it has an empty segment, `.` or `..`"),
        ("{/a: {GET: {operationId: x}}}", "`GET` is not an HTTP method"),
        ("{/a: {$ref: '#/paths/~1b'}, /b: {$ref: '#/paths/~1a'}}", "the reference `#/paths/~1b` leads back to itself"),
        ("{/a: {$ref: 'other.yaml#/a'}}", "the reference `other.yaml#/a` leads out of the document"),
        ("{/a: {$ref: '#/nothing'}}", "the reference `#/nothing` leads to nothing"),
        ("{/a: []}", "the path item is not a map"),
        ("[]", "`paths` is not a map"),
        ("{}", "the document has no operation"),
    ] {
        let text = format!("openapi: 3.0.0\ninfo: {{title: T, version: '1'}}\npaths: {paths}\n");
        let (_, findings) = Contract::read(&text, "c.yaml");
        assert!(findings.iter().any(|finding| finding.message == expected), "{paths}: {findings:?}");
    }
    for (text, expected) in [
        ("", "the file does not hold one OpenAPI document"),
        ("a: 1\n---\nb: 2\n", "the file does not hold one OpenAPI document"),
        ("swagger: '2.0'\npaths: {/a: {get: {operationId: a}}}\n", "the document does not say which OpenAPI it is"),
        ("openapi: 4.0.0\npaths: {/a: {get: {operationId: a}}}\n", "OpenAPI `4.0.0` cannot be read"),
        ("openapi: 3.1.0\n", "the document has no `paths`"),
        ("{", "this is not YAML"),
    ] {
        let (_, findings) = Contract::read(text, "c.yaml");
        assert!(findings.iter().any(|finding| finding.message.starts_with(expected)), "{text}: {findings:?}");
    }
}

#[test]
fn members_and_what_tells_rows_apart() {
    let text = "
openapi: 3.1.0
info: {title: Stock, version: '1'}
paths:
  /stock:
    parameters: [{$ref: '#/components/parameters/site'}]
    get: {operationId: list, parameters: [{name: owner, in: query, x-selvage-row: owner}, {name: limit, in: query}]}
components:
  parameters: {site: {name: s, in: query, x-selvage-row: site}}
  schemas: {bin: {properties: {sku: {}, holder: {items: {properties: {unitPrice: {}}}}}}}
";
    let (contract, findings) = Contract::read(text, "c.yaml");
    assert_eq!(findings, []);
    assert_eq!(contract.operations[0].rows, ["site", "owner"]);
    assert_eq!(contract.members.iter().map(String::as_str).collect::<Vec<_>>(), ["holder", "sku", "unitPrice"]);
}

#[test]
fn what_carries_a_class_of_data() {
    let text = "
openapi: 3.1.0
info: {title: Stock, version: '1'}
paths:
  /stock:
    get:
      operationId: list
      parameters: [{name: badge, in: query, schema: {type: string, x-selvage-class: personal}}, {name: limit, in: query}]
      responses: {'200': {headers: {X-Picker: {x-selvage-class: personal}}}}
components:
  schemas:
    phone: {type: string, x-selvage-class: personal}
    loop: {allOf: [{$ref: '#/components/schemas/loop'}, {$ref: '#/components/schemas/loop'}]}
    bin:
      properties:
        sku: {type: string}
        picker: {type: [string, 'null'], x-selvage-class: personal}
        phones: {type: array, items: {$ref: '#/components/schemas/phone'}}
        mobile: {anyOf: [{$ref: '#/components/schemas/phone'}, {type: 'null'}]}
        rate: {x-selvage-class: pay}
        old: {type: string, nullable: true}
        size: {type: [string, 'null'], enum: [s, m]}
        around: {$ref: '#/components/schemas/loop'}
";
    let (contract, findings) = Contract::read(text, "c.yaml");
    assert_eq!(findings, []);
    let classes: Vec<_> = contract.classes.iter().map(|(name, class)| format!("{name} {class}")).collect();
    let expected =
        ["badge personal", "X-Picker personal", "picker personal", "phones personal", "mobile personal", "rate pay"];
    assert_eq!(classes, expected);
    assert!(contract.headers.contains("X-Picker"));
    assert_eq!(contract.classed_headers.iter().map(String::as_str).collect::<Vec<_>>(), ["X-Picker"]);
    let never_null: Vec<&str> = contract.never_null.iter().map(String::as_str).collect();
    assert_eq!(never_null, ["around", "phones", "size", "sku"]);
}

#[test]
fn what_stands_within_members_and_bodies() {
    let text = "
openapi: 3.1.0
info: {title: Stock, version: '1'}
paths:
  /bins:
    get: {operationId: list}
    put: {operationId: put, requestBody: {$ref: '#/components/requestBodies/bin'}}
components:
  requestBodies: {bin: {content: {application/json: {schema: {$ref: '#/components/schemas/bin'}}}}}
  schemas:
    bin: {allOf: [{properties: {sku: {type: string}}}, {properties: {pickers: {type: array, items: {$ref: '#/components/schemas/person'}}}}]}
    person: {properties: {phone: {}, next: {$ref: '#/components/schemas/person'}, by: {additionalProperties: {oneOf: [{$ref: '#/components/schemas/tag'}]}}}}
    tag: {properties: {badge: {type: string}}}
";
    let (contract, findings) = Contract::read(text, "c.yaml");
    assert_eq!(findings, []);
    let shown = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(" ");
    let within: Vec<_> = contract.within.iter().map(|(name, names)| format!("{name}: {}", shown(names))).collect();
    assert_eq!(within, ["by: badge", "next: by next phone", "pickers: by next phone"]);
    let bodies: Vec<_> = contract.operations.iter().map(|operation| shown(&operation.body)).collect();
    assert_eq!(bodies, ["", "pickers sku"]);
    assert_eq!(contract.operations.iter().map(|operation| operation.has_body).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn every_mark_of_a_class_gives_a_name_a_class_or_is_told() {
    let read = |schema: &str, rest: &str| {
        let content = format!("content: {{application/json: {{schema: {schema}}}}}");
        let text = format!(
            "openapi: 3.1.0\ninfo: {{title: T, version: '1'}}\npaths:\n  /a: {{get: {{operationId: a, responses: {{'200': {{{content}}}}}}}}}\n{rest}"
        );
        let (contract, findings) = Contract::read(&text, "c.yaml");
        let classes: Vec<_> = contract.classes.iter().map(|(name, class)| format!("{name} {class}")).collect();
        (classes.join(", "), findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>())
    };
    let mark = "{x-selvage-class: personal}";
    for (schema, classes) in [
        (format!("{{properties: {{a: {{additionalProperties: {mark}}}}}}}"), "a personal"),
        (format!("{{properties: {{a: {{patternProperties: {{'^x': {mark}}}}}}}}}"), "a personal"),
        (format!("{{properties: {{a: {{prefixItems: [{{}}, {mark}]}}}}}}"), "a personal"),
        (format!("{{properties: {{a: {{if: {{}}, then: {mark}}}}}}}"), "a personal"),
        ("{properties: {a: {x-selvage-class: [personal, pay]}}}".to_owned(), "a personal, a pay"),
        (format!("{{properties: {{a: {{x-selvage-class: pay, items: {mark}}}}}}}"), "a pay, a personal"),
        // A member may be called like the mark, or like a word of OpenAPI.
        ("{properties: {x-selvage-class: {type: string}, content: {properties: {schema: {}}}}}".to_owned(), ""),
    ] {
        assert_eq!(read(&schema, ""), (classes.to_owned(), vec![]), "{schema}");
    }
    let (one_of, findings) = read(&format!("{{properties: {{a: {{oneOf: [{mark}, {{x-selvage-class: pay}}]}}}}}}"), "");
    assert_eq!((one_of.contains("a pay"), one_of.contains("a personal"), findings), (true, true, vec![]));
    let whole = "a whole message, or what its list or map is made of, carries a class of data";
    let unnamed = "no member, parameter or header carries this class of data";
    let empty = "`x-selvage-class` names no class of data";
    for (schema, message) in [
        (mark.to_owned(), whole),
        (format!("{{additionalProperties: {mark}}}"), whole),
        (format!("{{type: array, items: {mark}}}"), whole),
        (format!("{{patternProperties: {{'^x': {mark}}}}}"), whole),
        (format!("{{$defs: {{b: {mark}}}}}"), unnamed),
        ("{properties: {a: {x-selvage-class: {personal: true}}}}".to_owned(), empty),
        ("{properties: {a: {x-selvage-class: []}}}".to_owned(), empty),
        ("{properties: {a: {x-selvage-class: [personal, []]}}}".to_owned(), empty),
    ] {
        assert_eq!(read(&schema, "").1, [message], "{schema}");
    }
    // However far it is.
    let far: String = (0..200)
        .map(|index| format!("    s{index}: {{allOf: [{{$ref: '#/components/schemas/s{}'}}]}}\n", index + 1))
        .collect();
    let member = "{properties: {a: {$ref: '#/components/schemas/s0'}}}";
    let rest = |far: &str, last: u32| format!("components:\n  schemas:\n{far}    s{last}: {mark}\n");
    assert_eq!(read(member, &rest(&far, 200)), ("a personal".to_owned(), vec![]));
    let many: String = (0..5000).map(|_| "{},").collect();
    let (_, findings) = read(member, &format!("components: {{schemas: {{s0: {{allOf: [{many}{mark}]}}}}}}\n"));
    assert!(findings.iter().any(|message| message == "the schema of `a` is made of too many others"), "{findings:?}");
}
