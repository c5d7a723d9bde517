//! What a request waits in, by its size.

use super::*;
use crate::cached;

/// How much what a function of so many arguments gives takes.
macro_rules! size_of_what {
    ($name:ident, $($argument:ident),+) => {
        fn $name<$($argument,)+ F>(_: impl Fn($($argument),+) -> F) -> usize {
            std::mem::size_of::<F>()
        }
    };
}
size_of_what!(of_three, A, B, C);
size_of_what!(of_four, A, B, C, D);
size_of_what!(of_five, A, B, C, D, E);

/// Each of them is moved or allocated for each request.
#[test]
fn what_a_request_waits_in_is_small() {
    let (all, looked_into, kept) = (of_five(handle), of_three(checked::forward), of_four(cached::answer));
    assert!(all <= 1_280 && looked_into <= 1_024 && kept <= 1_024, "{all}, {looked_into}, {kept}");
}
