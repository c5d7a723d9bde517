//! What an expression makes of the values it looks at, told from its tree before it runs: a name that nothing has, a member
//! that its record lacks and an operator between things that do not fit are found where they are written.
//! It never guesses: what is not known to be wrong is taken.

use std::collections::BTreeMap;
use std::fmt;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue};
use cel::{IdedExpr as Node, Program};

use super::position;

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Anything: what is read of it is not known before it runs.
    Any,
    /// Nothing.
    Null,
    /// Yes or no.
    Bool,
    /// A whole number.
    Int,
    /// A text.
    Text,
    /// A list of these.
    List(Box<Type>),
    /// A map from any text to these.
    Map(Box<Type>),
    /// A map with these members and no others.
    Record(BTreeMap<String, Type>),
    /// One of these, or nothing.
    Optional(Box<Type>),
}

impl Type {
    /// A list of these.
    pub fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    /// A map to these.
    pub fn map(to: Self) -> Self {
        Self::Map(Box::new(to))
    }

    /// A record with these members.
    pub fn record(members: impl IntoIterator<Item = (impl Into<String>, Self)>) -> Self {
        Self::Record(members.into_iter().map(|(name, of)| (name.into(), of)).collect())
    }

    /// One of these, or nothing.
    pub fn optional(of: Self) -> Self {
        Self::Optional(Box::new(of))
    }

    /// What it is where it is there.
    fn present(&self) -> &Self {
        match self {
            Self::Optional(of) => of,
            other => other,
        }
    }

    /// Whether something could be both.
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Null, Self::Optional(_)) | (Self::Optional(_), Self::Null) => true,
            (Self::Optional(one), other) | (other, Self::Optional(one)) => one.meets(other),
            (Self::List(one), Self::List(other)) | (Self::Map(one), Self::Map(other)) => one.meets(other),
            (Self::Record(_), Self::Map(_)) | (Self::Map(_), Self::Record(_)) => true,
            (Self::Record(_), Self::Record(_)) => true,
            (one, other) => one == other,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "anything",
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Int => "a whole number",
            Self::Text => "a text",
            Self::List(_) => "a list",
            Self::Map(_) | Self::Record(_) => "a map",
            Self::Optional(of) => return of.fmt(f),
        })
    }
}

/// Why an expression does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// What is wrong.
    pub message: String,
    /// Line and column in the expression, from 1.
    pub at: (usize, usize),
    /// The name that is not there, and those that are.
    pub unknown: Option<(String, Vec<String>)>,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.at.0, self.at.1, self.message)
    }
}

/// What the expression makes, over variables of these types.
pub(super) fn check(program: &Program, variables: &BTreeMap<&'static str, Type>) -> Result<Type, Misfit> {
    let known = variables.iter().map(|(name, of)| ((*name).to_owned(), of.clone())).collect();
    Checker { program, known }.of(program.expression())
}

struct Checker<'a> {
    program: &'a Program,
    /// Names and what they are, innermost last.
    known: Vec<(String, Type)>,
}

impl Checker<'_> {
    fn of(&mut self, node: &Node) -> Result<Type, Misfit> {
        match &node.expr {
            Expr::Literal(literal) => Ok(match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::Int(_) | LiteralValue::UInt(_) => Type::Int,
                LiteralValue::String(_) => Type::Text,
                LiteralValue::Null => Type::Null,
                LiteralValue::Bytes(_) | LiteralValue::Double(_) => Type::Any,
            }),
            Expr::Ident(name) => self.variable(node, name),
            Expr::Select(select) => {
                let of = self.of(&select.operand)?;
                let member = self.member(node, &of, &select.field)?;
                Ok(if select.test { Type::Bool } else { member })
            }
            Expr::Call(call) => self.call(node, call),
            Expr::List(list) => {
                let mut of: Option<Type> = None;
                for element in &list.elements {
                    let element = self.of(element)?;
                    of = Some(of.map_or(element.clone(), |of| if of == element { of } else { Type::Any }));
                }
                Ok(Type::list(of.unwrap_or(Type::Any)))
            }
            Expr::Comprehension(each) => self.comprehension(each),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Ok(Type::map(Type::Any)),
        }
    }

    fn variable(&self, node: &Node, name: &str) -> Result<Type, Misfit> {
        if let Some((_, of)) = self.known.iter().rev().find(|(known, _)| known == name) {
            return Ok(of.clone());
        }
        let known = self.known.iter().filter(|(known, _)| !known.starts_with(['@', '_']));
        let known = known.map(|(known, _)| known.clone()).collect();
        Err(Misfit { unknown: Some((name.to_owned(), known)), ..self.wrong(node, format!("there is no `{name}`")) })
    }

    fn member(&self, node: &Node, of: &Type, name: &str) -> Result<Type, Misfit> {
        match of.present() {
            Type::Any => Ok(Type::Any),
            Type::Map(to) => Ok(to.as_ref().clone()),
            Type::Record(members) => members.get(name).cloned().ok_or_else(|| {
                let known = members.keys().cloned().collect();
                let wrong = self.wrong(node, format!("there is no `{name}` here"));
                Misfit { unknown: Some((name.to_owned(), known)), ..wrong }
            }),
            other => Err(self.wrong(node, format!("{other} has no members, and so no `{name}`"))),
        }
    }

    fn call(&mut self, node: &Node, call: &CallExpr) -> Result<Type, Misfit> {
        let mut given = Vec::new();
        for argument in call.target.as_deref().into_iter().chain(&call.args) {
            given.push(self.of(argument)?);
        }
        let name = call.func_name.as_str();
        match (name, given.as_slice()) {
            ("_&&_" | "_||_" | "!_" | "@not_strictly_false", all) => {
                self.all(node, all, &Type::Bool, "true or false")?;
                Ok(Type::Bool)
            }
            ("_==_" | "_!=_", [one, other]) if !one.meets(other) => {
                Err(self.wrong(node, format!("{one} is never the same as {other}")))
            }
            ("_<_" | "_<=_" | "_>_" | "_>=_", [one, other]) => match (one.present(), other.present()) {
                (Type::Any, _) | (_, Type::Any) | (Type::Int, Type::Int) | (Type::Text, Type::Text) => Ok(Type::Bool),
                _ => Err(self.wrong(node, format!("{one} is neither more nor less than {other}"))),
            },
            ("@in", [one, Type::List(of)]) if !one.meets(of) => {
                Err(self.wrong(node, format!("{one} is never among these: each is {of}")))
            }
            ("_==_" | "_!=_" | "@in", _) => Ok(Type::Bool),
            ("_+_", [Type::Any, _] | [_, Type::Any]) => Ok(Type::Any),
            ("_+_", [Type::Text, Type::Text]) => Ok(Type::Text),
            ("_+_", [one @ Type::List(_), other @ Type::List(_)]) => {
                Ok(if one == other { one.clone() } else { Type::list(Type::Any) })
            }
            ("_+_" | "_-_" | "_*_" | "_/_" | "_%_" | "-_", all) => {
                self.all(node, all, &Type::Int, "a whole number")?;
                Ok(Type::Int)
            }
            ("_?_:_", [condition, one, other]) => {
                self.all(node, std::slice::from_ref(condition), &Type::Bool, "true or false")?;
                Ok(if one == other { one.clone() } else { Type::Any })
            }
            ("_[_]", [of, _]) => Ok(match of.present() {
                Type::List(of) | Type::Map(of) => of.as_ref().clone(),
                _ => Type::Any,
            }),
            ("contains" | "startsWith" | "endsWith", all) => {
                self.all(node, all, &Type::Text, "a text")?;
                Ok(Type::Bool)
            }
            ("size", [Type::Int | Type::Bool | Type::Null]) => Err(self.wrong(node, "this has no size".to_owned())),
            ("size" | "int", _) => Ok(Type::Int),
            ("string", _) => Ok(Type::Text),
            _ => Ok(Type::Any),
        }
    }

    fn all(&self, node: &Node, given: &[Type], wanted: &Type, word: &str) -> Result<(), Misfit> {
        match given.iter().find(|given| !given.meets(wanted)) {
            Some(other) => Err(self.wrong(node, format!("{other} stands where {word} is needed"))),
            None => Ok(()),
        }
    }

    fn comprehension(&mut self, each: &ComprehensionExpr) -> Result<Type, Misfit> {
        let range = self.of(&each.iter_range)?;
        let element = match range.present() {
            Type::List(of) => of.as_ref().clone(),
            Type::Map(_) | Type::Record(_) => Type::Text,
            _ => Type::Any,
        };
        let start = self.of(&each.accu_init)?;
        let outside = self.known.len();
        self.known.push((each.iter_var.clone(), element));
        self.known.extend(each.iter_var2.clone().map(|name| (name, Type::Any)));
        let gathered = if start == Type::Bool { Type::Bool } else { Type::Any };
        self.known.push((each.accu_var.clone(), gathered));
        self.of(&each.loop_cond)?;
        self.of(&each.loop_step)?;
        let result = self.of(&each.result)?;
        self.known.truncate(outside);
        Ok(result)
    }

    fn wrong(&self, node: &Node, message: String) -> Misfit {
        Misfit { message, at: position(self.program, node), unknown: None }
    }
}
