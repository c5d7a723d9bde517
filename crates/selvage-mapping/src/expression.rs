//! CEL behind a guard: length, tokens and nesting are limited before parsing, the work of evaluation before it begins.
//! Expressions only read, and there are no floats in them: a number with a fraction is its exact text.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use cel::objects::{Key, Map as CelMap};
use cel::parser::Expression as Node;
use cel::{Context, Env, IdedExpr as IdedNode, Program, Value as Cel};
use serde_json::{Map, Value};

use crate::decimal;

mod compare;
mod cost;
mod guard;
mod typing;

pub use typing::{Misfit, Type};

pub use compare::Comparison;

/// Most data that one evaluation may look at: values, and every 64 bytes of text once more.
const MOST_DATA: u64 = 1_000;

/// Bytes of stack for the parser: the largest expression that the guard lets through takes half of it.
const PARSER_STACK: usize = 16 << 20;

static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// An expression that was parsed and found small enough to run.
#[derive(Debug)]
pub struct Expression {
    text: String,
    program: Program,
}

impl Expression {
    /// Parses it; the error says what is wrong and where (`line 1, column 7: …`).
    pub fn parse(text: &str) -> Result<Self, String> {
        guard::check(text)?;
        // The parser goes many frames deep for one bracket, so it gets a stack of its own.
        std::thread::scope(|scope| {
            let parser = std::thread::Builder::new().stack_size(PARSER_STACK);
            let parsing = parser.spawn_scoped(scope, || parse(text)).map_err(|error| error.to_string())?;
            let program = parsing.join().map_err(|_| "the parser gave up on this expression".to_owned())??;
            Ok(Self { text: text.to_owned(), program })
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names it reads from outside, without those that it binds itself.
    pub fn variables(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        cost::variables(self.root(), &mut Vec::new(), &mut found);
        found
    }

    /// What it makes, over variables of these types and no others; where it does not fit them otherwise.
    ///
    /// # Errors
    /// The first thing that does not fit, with its place in the text.
    pub fn check(&self, variables: &BTreeMap<&'static str, Type>) -> Result<Type, Misfit> {
        typing::check(&self.program, variables)
    }

    /// The members that it takes of this variable: `record.a.b` takes `a` of `record`.
    pub fn members_of(&self, variable: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        cost::members(self.root(), variable, &mut found);
        found
    }

    /// Whether it reads this variable otherwise than by its members: `request['path']` does.
    pub fn reads_whole(&self, variable: &str) -> bool {
        cost::reads_whole(self.root(), variable)
    }

    /// Its comparisons of a member of a variable with a literal.
    pub fn comparisons(&self) -> Vec<Comparison> {
        let mut found = Vec::new();
        compare::comparisons(self.root(), &mut found);
        found
    }

    fn root(&self) -> &Node {
        self.program.expression()
    }

    /// Its value over these variables and nothing else. Whole numbers are integers, others their exact text.
    pub fn evaluate(&self, variables: &BTreeMap<String, Value>) -> Result<Value, String> {
        let data: u64 = variables.values().map(data_of).sum();
        if data > MOST_DATA {
            return Err(format!("there is too much data for an expression: {data} parts of at most {MOST_DATA}"));
        }
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        for (name, value) in variables {
            context.add_variable_from_value(name.clone(), to_cel(value)?);
        }
        let result = self.program.execute(&context).map_err(|error| error.to_string())?;
        from_cel(&result)
    }
}

fn parse(text: &str) -> Result<Program, String> {
    let program = Program::compile(text).map_err(|errors| match errors.errors.first() {
        Some(error) => at(error.pos.0, error.pos.1, error.msg.lines().next().unwrap_or_default()),
        None => "this is not an expression".to_owned(),
    })?;
    cost::check(&program, MOST_DATA)?;
    Ok(program)
}

/// Where a part of a program stands in its text: line and column, from 1.
fn position(program: &Program, node: &IdedNode) -> (usize, usize) {
    let info = program.source_info();
    let start = info.offset_for(node.id).map_or(0, |(start, _)| usize::try_from(start).unwrap_or(0));
    let before: String = info.source.chars().take(start).collect();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    (line, column)
}

fn at(line: isize, column: isize, message: &str) -> String {
    format!("line {}, column {}: {message}", line.max(1), column.max(0) + 1)
}

fn data_of(value: &Value) -> u64 {
    1 + match value {
        Value::String(text) => u64::try_from(text.len() / 64).unwrap_or(u64::MAX),
        Value::Array(values) => values.iter().map(data_of).sum(),
        Value::Object(members) => members.values().map(|value| 1 + data_of(value)).sum(),
        _ => 0,
    }
}

fn to_cel(value: &Value) -> Result<Cel, String> {
    Ok(match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Number(number) => match value.as_i64() {
            Some(whole) => Cel::Int(whole),
            None => {
                let exact = decimal::of_json(value).ok_or_else(|| format!("`{number}` has too many digits"))?;
                Cel::String(Arc::new(decimal::text(exact)))
            }
        },
        Value::Array(values) => Cel::List(Arc::new(values.iter().map(to_cel).collect::<Result<_, _>>()?)),
        Value::Object(members) => {
            let mut map = HashMap::with_capacity(members.len());
            for (name, value) in members {
                map.insert(Key::String(Arc::new(name.clone())), to_cel(value)?);
            }
            Cel::Map(CelMap { map: Arc::new(map) })
        }
    })
}

fn from_cel(value: &Cel) -> Result<Value, String> {
    Ok(match value {
        Cel::Null => Value::Null,
        Cel::Bool(value) => Value::Bool(*value),
        Cel::Int(value) => Value::from(*value),
        Cel::UInt(value) => Value::from(*value),
        Cel::String(text) => Value::String(text.as_ref().clone()),
        Cel::List(values) => Value::Array(values.iter().map(from_cel).collect::<Result<_, _>>()?),
        Cel::Map(map) => {
            let mut sorted: Vec<(&Key, &Cel)> = map.map.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            let mut members = Map::new();
            for (key, value) in sorted {
                let Key::String(name) = key else { return Err("a map's keys are strings".to_owned()) };
                members.insert(name.as_ref().clone(), from_cel(value)?);
            }
            Value::Object(members)
        }
        other => return Err(format!("an expression does not make a {}", other.type_of())),
    })
}

#[cfg(test)]
mod tests;
