//! Exact decimals as canonical text: no exponent, no trailing zeros. No float is ever made on the way.
