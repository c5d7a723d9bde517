//! `selvage demo`: it comes up, what it prints to try does what it says, and it stays small.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::fixture::Process;

/// A generous bound for an unoptimized build on a busy machine; the release build is measured by `cargo xtask bench demo`.
const UP_WITHIN: Duration = Duration::from_secs(30);

#[test]
fn everything_it_prints_to_try_does_what_it_says() {
    let began = Instant::now();
    let arguments = ["demo", "--port", "0", "--console-port", "0", "--pace", "0.2"].map(str::to_owned);
    let prefixes = [
        "Gateway ",
        "Console ",
        "export PLANNING=",
        "export MES_GHENT=",
        "export MES_BRNO=",
        "export BOARD=",
        "for try in 1 2;",
        "-H \"Authorization: Bearer $PLANNING\"",
        "Ctrl-c",
    ];
    let (process, said) = Process::start(&arguments, &prefixes);
    assert!(began.elapsed() < UP_WITHIN, "the demo was up after {:?}", began.elapsed());
    let base = &said["Gateway "];
    let curl = |key: &str, path: &str| {
        let output = Command::new("curl")
            .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", &format!("Authorization: Bearer {key}")])
            .arg(format!("{base}{path}"))
            .output()
            .expect("curl is there: `apt-get install curl`");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let table = [
        ("export BOARD=", "/inventory/v2/inventory-positions?limit=5", "200"),
        ("export BOARD=", "/production-orders/v1/production-orders", "403"),
        ("export MES_BRNO=", "/production-orders/v1/production-orders?limit=3", "200"),
        ("export BOARD=", "/legacy-stock/v1/", "200"),
        ("export BOARD=", "/stock-levels/v1/", "410"),
    ];
    for (key, path, status) in table {
        assert_eq!(curl(&said[key], path), status, "{path}");
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let resident: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
        .unwrap();
    assert!(resident < 120 * 1024, "{resident} kB resident");
}
