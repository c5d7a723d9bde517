//! What the shelf keeps and for whom, whose turn it is to ask, and what a change forgets.

use super::*;

fn moment(seconds: u64) -> Moment {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let at = *START.get_or_init(Instant::now) + Duration::from_secs(seconds);
    Moment { at, wall: Timestamp::from_second(1_000_000 + i64::try_from(seconds).unwrap()).unwrap() }
}

/// An answer of this status with these headers.
pub(super) fn kept(status: StatusCode, lines: &[(&'static str, &'static str)]) -> Answer {
    answer_of(status, lines, "body", false)
}

fn answer_of(status: StatusCode, lines: &[(&'static str, &'static str)], body: &str, shared: bool) -> Answer {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_static(value));
    }
    Answer::owned(status, &headers, body.to_owned().into(), Lifetime { seconds: 60, age: 0, shared }, moment(0))
}

fn answer(body: &str, lines: &[(&'static str, &'static str)]) -> Arc<Answer> {
    Arc::new(answer_of(StatusCode::OK, lines, body, false))
}

fn cache(size: u64) -> Cache {
    let address = Arc::new(Address { secure: false, host: String::new(), port: 0, trust: None });
    let (origin, contract) = (String::new(), Arc::from(""));
    Cache::new(CacheRules { same_for_all: true, size, largest: size, most: None, address, origin, contract }, None)
}

fn keys(place: &str, owner: &str, shared: bool) -> Keys {
    let key = |request: &str| Key { place: place.into(), request: request.as_bytes().into() };
    Keys { own: key(owner), shared: shared.then(|| key("")) }
}

fn errand<'c>(cache: &'c Cache, keys: &Keys, asked: &HeaderMap) -> Errand<'c> {
    let confirmed = Wish { confirmed: true, ..Wish::default() };
    match cache.look(keys, asked, confirmed, (moment(0), false)) {
        Look::Ask(errand) => errand,
        _ => panic!("it has to be asked for"),
    }
}

fn keep(cache: &Cache, keys: &Keys, asked: &HeaderMap, answer: &Arc<Answer>) -> bool {
    errand(cache, keys, asked).keep(keys, asked, answer)
}

fn there(cache: &Cache, keys: &Keys) -> Option<String> {
    let answer = cache.find(keys, &HeaderMap::new())?;
    Some(String::from_utf8(answer.body.to_vec()).unwrap())
}

#[test]
fn one_grant_is_never_given_anothers_answer_unless_it_may_be_shared() {
    let (cache, none) = (cache(9_000), HeaderMap::new());
    keep(&cache, &keys("/a", "one", true), &none, &answer("one", &[]));
    assert_eq!(there(&cache, &keys("/a", "one", true)).as_deref(), Some("one"));
    for other in [keys("/a", "two", true), keys("/a", "two", false), keys("/b", "one", true)] {
        assert_eq!(there(&cache, &other), None, "{other:?}");
    }
    let all = Arc::new(answer_of(StatusCode::OK, &[], "all", true));
    keep(&cache, &keys("/a", "two", true), &none, &all);
    assert_eq!(there(&cache, &keys("/a", "three", true)).as_deref(), Some("all"));
    keep(&cache, &keys("/c", "two", false), &none, &all);
    assert_eq!(there(&cache, &keys("/c", "three", true)), None, "the interface does not share");
}

#[test]
fn an_answer_serves_while_it_is_good_whatever_becomes_of_clocks() {
    let answer = kept(StatusCode::OK, &[]);
    let wish = Wish::default();
    let table = [
        (wish, 59, true),
        (wish, 60, false),
        (Wish { oldest: Some(10), ..wish }, 10, true),
        (Wish { oldest: Some(10), ..wish }, 11, false),
        (Wish { fresh_for: Some(20), ..wish }, 40, true),
        (Wish { fresh_for: Some(20), ..wish }, 41, false),
        (Wish { confirmed: true, ..wish }, 0, false),
    ];
    for (wish, seconds, serves) in table {
        assert_eq!(answer.serves(wish, moment(seconds)), serves, "{wish:?} after {seconds} s");
    }
    // The time of day is set back, or a machine slept.
    let back = Moment { wall: Timestamp::UNIX_EPOCH, ..moment(70) };
    let slept = Moment { at: moment(0).at, ..moment(70) };
    assert_eq!((answer.age(back), answer.age(slept)), (70, 70));
}

#[test]
fn what_varies_by_what_is_in_no_key_is_kept_apart_and_bounded() {
    let (cache, keys) = (cache(100_000), keys("/a", "one", false));
    let vary = [("vary", "User-Agent, Accept")];
    let agents: Vec<HeaderMap> = (0..40)
        .map(|number| {
            let value = HeaderValue::try_from(format!("agent {number}")).unwrap();
            HeaderMap::from_iter([(header::USER_AGENT, value)])
        })
        .collect();
    for (number, agent) in agents.iter().enumerate() {
        keep(&cache, &keys, agent, &answer(&number.to_string(), &vary));
    }
    let found: Vec<Option<Arc<Answer>>> = agents.iter().map(|agent| cache.find(&keys, agent)).collect();
    assert!(found.iter().take(24).all(Option::is_none) && found.iter().skip(24).all(Option::is_some));
    assert_eq!(found[39].as_ref().unwrap().body, "39");
    assert_eq!(cache.kept().0, 16);
    assert!(cache.find(&keys, &HeaderMap::new()).is_none());
    keep(&cache, &keys, &agents[39], &answer("anew", &vary));
    assert_eq!((cache.find(&keys, &agents[39]).unwrap().body.clone(), cache.kept().0), (Bytes::from("anew"), 16));
}

#[test]
fn the_one_used_longest_ago_goes_first_and_what_is_too_large_pushes_nothing_out() {
    let (cache, none) = (cache(6_000), HeaderMap::new());
    let body = "x".repeat(800);
    let place = |place| keys(place, "one", false);
    for name in ["/a", "/b", "/c", "/d"] {
        keep(&cache, &place(name), &none, &answer(&body, &[]));
    }
    assert!(there(&cache, &place("/a")).is_some());
    keep(&cache, &place("/e"), &none, &answer(&body, &[]));
    let all = ["/a", "/b", "/c", "/d", "/e"].map(|name| there(&cache, &place(name)).is_some());
    assert_eq!(all, [true, false, true, true, true]);
    keep(&cache, &place("/f"), &none, &answer(&"x".repeat(6_000), &[]));
    assert_eq!((there(&cache, &place("/f")), cache.kept().0), (None, 4));
    assert!(cache.kept().1 <= 6_000 && cache.counts.evicted.load(Ordering::Relaxed) == 1);
    drop(cache.change(""));
    assert_eq!(cache.kept(), (0, 0), "every byte is counted once");
}

#[test]
fn one_asks_and_the_others_wait_unless_it_is_known_that_nothing_is_kept() {
    let (cache, keys, none) = (cache(9_000), keys("/a", "one", false), HeaderMap::new());
    let look = |now| cache.look(&keys, &none, Wish::default(), (moment(now), false));
    let Look::Ask(first) = look(0) else { panic!("the first asks") };
    let Look::Wait(done) = look(0) else { panic!("the second waits") };
    assert!(done.has_changed().is_ok());
    drop(first);
    assert!(done.has_changed().is_err(), "it is over");
    let Look::Ask(first) = look(0) else { panic!("the next asks") };
    first.keep_none(&keys, &none, moment(0));
    assert!(matches!(look(1), Look::Ask(_)), "nobody waits for what is not kept");
    drop(first);
    assert!(cache.inner().flights.is_empty() && cache.inner().asking.is_empty());
    let Look::Ask(_first) = look(31) else { panic!("it is tried again") };
    assert!(matches!(look(31), Look::Wait(_)));
    assert!(matches!(cache.look(&keys, &none, Wish::default(), (moment(31), true)), Look::Ask(_)), "nobody twice");
}

#[test]
fn what_was_asked_before_a_change_is_not_kept_after_it() {
    let (cache, none) = (cache(9_000), HeaderMap::new());
    let item = keys("/items/1", "one", false);
    let errands = ["/items", "/items/1", "/items/1/picture", "/items/2"].map(|place| {
        let keys = keys(place, "one", false);
        (errand(&cache, &keys, &none), keys)
    });
    let mut change = cache.change("/items/1");
    change.is_settled();
    drop(change);
    let kept = errands.map(|(errand, keys)| errand.keep(&keys, &none, &answer("old", &[])));
    assert_eq!(kept, [false, false, false, true]);
    assert!(keep(&cache, &item, &none, &answer("new", &[])));
    let mut change = cache.change("/items/1");
    change.is_settled();
    assert!(there(&cache, &item).is_some(), "until the change is over");
    drop(change);
    let other = keys("/items/2", "one", false);
    assert_eq!((there(&cache, &item), there(&cache, &other).is_some()), (None, true));
    // Nobody knows what came of it: it may come yet.
    drop(cache.change("/items/1"));
    assert!(!keep(&cache, &item, &none, &answer("old", &[])) && keep(&cache, &other, &none, &answer("other", &[])));
}

#[test]
fn a_change_of_everything_takes_a_few_at_a_time_and_leaves_nothing() {
    let (cache, none) = (cache(10_000_000), HeaderMap::new());
    for number in 0..1_000 {
        let place = if number % 2 == 0 { "/list".to_owned() } else { format!("/list/{number}") };
        keep(&cache, &keys(&place, &number.to_string(), false), &none, &answer("body", &[]));
    }
    let mut over = Box::pin({
        let mut change = cache.change("/list");
        change.is_settled();
        change.over()
    });
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(over.as_mut().poll(&mut cx).is_pending());
    let left = cache.kept().0;
    assert!((1..1_000).contains(&left), "others have their turn: {left} are left");
    // Whoever it was for goes away: what is left goes all the same.
    drop(over);
    assert_eq!(cache.kept(), (0, 0));
}

#[test]
fn what_marks_one_request_is_not_kept() {
    let answer = kept(StatusCode::OK, &[("x-request-id", "7"), ("correlation-id", "8"), ("x-more", "9")]);
    let names: Vec<&str> = answer.headers.keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["x-more", "content-length"]);
}
