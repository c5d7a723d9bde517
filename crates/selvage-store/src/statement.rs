//! The texts of SQL, each for both databases, listed by module so that a test prepares every one on both.
//! A text differs only where SQLite lacks a clause; nothing is ever put into one but parameters.

/// One statement in the words of each database.
#[derive(Clone, Copy)]
pub(crate) struct Sql {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

/// Statements of a module, and `STATEMENTS`, which lists them. `skip_locked` passes over rows that another transaction
/// holds; on SQLite a write transaction has the database for itself.
macro_rules! statements {
    ($($name:ident = $($word:ident)? $sql:literal;)*) => {
        $(const $name: $crate::statement::Sql = $crate::statement::statements!(@sql $($word)? $sql);)*
        #[cfg(test)]
        pub(crate) const STATEMENTS: &[(&str, $crate::statement::Sql)] = &[$((stringify!($name), $name)),*];
    };
    (@sql $sql:literal) => {
        $crate::statement::Sql { sqlite: $sql, postgres: $sql }
    };
    (@sql skip_locked $sql:literal) => {
        $crate::statement::Sql { sqlite: $sql, postgres: concat!($sql, " FOR UPDATE SKIP LOCKED") }
    };
}

pub(crate) use statements;
