//! Quantities: exact decimals with UCUM units, converted by rational factors, exactly or not at all.
