//! What an expression compares the members of its variables with, told from its tree: whoever knows the types can say before
//! it runs that a comparison never holds.

use cel::IdedExpr as Node;
use cel::common::ast::{Expr, LiteralValue};
use serde_json::Value;

use super::cost::children;

/// A comparison of `variable.member` with a literal.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The variable.
    pub variable: String,
    /// The member of it.
    pub member: String,
    /// The literal.
    pub with: Value,
    /// Whether the literal is looked for among the member's elements.
    pub among: bool,
}

/// All comparisons in a tree.
pub(super) fn comparisons(node: &Node, found: &mut Vec<Comparison>) {
    if let Expr::Call(call) = &node.expr {
        match (call.func_name.as_str(), call.args.as_slice()) {
            ("_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_", [left, right]) => {
                found.extend(compared(left, right, false).or_else(|| compared(right, left, false)));
            }
            ("@in", [element, list]) => match &list.expr {
                Expr::List(literals) => {
                    found.extend(literals.elements.iter().filter_map(|literal| compared(element, literal, false)));
                }
                _ => found.extend(compared(list, element, true)),
            },
            _ => {}
        }
    }
    children(node).into_iter().for_each(|child| comparisons(child, found));
}

fn compared(member: &Node, literal: &Node, among: bool) -> Option<Comparison> {
    let Expr::Select(select) = &member.expr else { return None };
    let Expr::Ident(variable) = &select.operand.expr else { return None };
    let Expr::Literal(literal) = &literal.expr else { return None };
    let with = match literal {
        LiteralValue::String(text) => Value::from(text.inner()),
        LiteralValue::Int(number) => Value::from(*number.inner()),
        LiteralValue::UInt(number) => Value::from(*number.inner()),
        LiteralValue::Boolean(flag) => Value::from(*flag.inner()),
        LiteralValue::Null => Value::Null,
        LiteralValue::Bytes(_) | LiteralValue::Double(_) => return None,
    };
    Some(Comparison { variable: variable.clone(), member: select.field.clone(), with, among })
}
