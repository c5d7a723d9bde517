//! The catalogue in the forms of others: Backstage entities and OpenSLO. Made of the fabric alone and always in the same order; what
//! their forms have no place for is left out, never bent.

pub mod backstage;
mod contract;
pub mod openslo;
#[cfg(test)]
mod tests;

use selvage_model::name::InterfaceRef;

pub use contract::{Contract, contract};

/// The longest name that both take.
const LONGEST: usize = 63;

/// An interface's name where an `@` may not be: `products-v1`. One that is too long keeps its beginning and gets a number of its own.
pub fn name_of(interface: &InterfaceRef) -> String {
    fitting(&format!("{}-v{}", interface.name, interface.major))
}

/// A name that is not too long, the same each time.
fn fitting(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    // FNV-1a, 32 bits: enough to tell names apart that begin alike.
    let number = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let kept: String = name.chars().take(LONGEST - 9).collect();
    format!("{}-{number:08x}", kept.trim_end_matches(['-', '_', '.']))
}
