//! `selvage fmt`: files are put into one form whole, twice is once, and what cannot be read stays.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::fixture::{copy, sample, selvage, stdout};

#[test]
fn the_sample_and_what_init_makes_are_in_form() {
    let place = tempfile::tempdir().unwrap();
    let fabric = place.path().join("fabric").display().to_string();
    assert!(selvage(&["init", &fabric]).status.success());
    for directory in [sample().display().to_string(), fabric] {
        let output = selvage(&["fmt", "--check", &directory]);
        assert!(output.status.success(), "{directory}: {}", stdout(&output));
    }
}

#[test]
fn a_fabric_out_of_form_is_put_into_it_and_means_the_same() {
    let place = tempfile::tempdir().unwrap();
    let fabric = place.path().join("fabric");
    copy(&sample(), &fabric);
    let shown = fabric.display().to_string();
    let file = fabric.join("interfaces.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let untidy = text
        .replace("owner: erp-team\n", "owner:   'erp-team'\n")
        .replace("kind: Interface\nname: products\n", "name: 'products'   # what is made\nkind: Interface\n");
    assert_ne!(untidy, text);
    fs::write(&file, &untidy).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let release = |directory: &str| stdout(&selvage(&["graph", directory, "--format", "json"]));
    let before = release(&shown);

    let checked = selvage(&["fmt", "--check", &shown]);
    assert_eq!((checked.status.code(), stdout(&checked).contains("interfaces.yaml")), (Some(1), true));
    assert_eq!(fs::read_to_string(&file).unwrap(), untidy, "a check changes nothing");
    assert!(selvage(&["fmt", &shown]).status.success());
    let tidy = fs::read_to_string(&file).unwrap();
    assert!(tidy.contains("kind: Interface\nname: \"products\" # what is made\n"), "{tidy}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(selvage(&["fmt", "--check", &shown]).status.success(), "twice is once");
    assert_eq!(release(&shown), before);
    assert_eq!(
        fs::read_to_string(fabric.join("contracts/legacy-stock.yaml")).unwrap(),
        fs::read_to_string(sample().join("contracts/legacy-stock.yaml")).unwrap(),
        "a contract is no manifest"
    );
}

#[test]
fn what_cannot_be_read_stays_and_hides_nothing() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("a.yaml"), "kind: Team\nname: [a\n---\nkind: Team\nname: b\n").unwrap();
    fs::write(place.path().join("b.yaml"), "name: c\nkind: Team\n").unwrap();
    let output = selvage(&["fmt", &place.path().display().to_string()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("FAB6043") && said.contains("a.yaml"), "{said}");
    assert_eq!(fs::read_to_string(place.path().join("b.yaml")).unwrap(), "kind: Team\nname: c\n");
}

#[test]
fn links_are_never_written_through_and_hide_nothing() {
    const UNTIDY: &str = "name: c\nkind: Team\n";
    let place = tempfile::tempdir().unwrap();
    let (fabric, outside) = (place.path().join("fabric"), place.path().join("outside.yaml"));
    fs::create_dir_all(fabric.join(".hidden")).unwrap();
    for file in [&outside, &fabric.join(".hidden/h.yaml"), &fabric.join("own.yaml")] {
        fs::write(file, UNTIDY).unwrap();
    }
    fs::write(fabric.join("latin.yaml"), b"kind: Team\nname: a\n# \xe9\n").unwrap();
    symlink(&outside, fabric.join("a.yaml")).unwrap();
    symlink(fabric.join("own.yaml"), fabric.join("b.yaml")).unwrap();
    symlink(fabric.join(".hidden"), fabric.join("c")).unwrap();
    let shown = |path: &std::path::Path| path.display().to_string();
    let link = fabric.join("a.yaml");
    for named in [&fabric, &link] {
        let output = selvage(&["fmt", &shown(named)]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("FAB6043") && said.contains("a.yaml") && !said.contains("b.yaml"), "{said}");
        assert!(named == &link || (said.contains("latin.yaml") && said.contains("c/h.yaml")), "{said}");
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), UNTIDY);
    assert_eq!(fs::read_to_string(fabric.join(".hidden/h.yaml")).unwrap(), UNTIDY);
    assert_eq!(fs::read_to_string(fabric.join("own.yaml")).unwrap(), "kind: Team\nname: c\n", "the run goes on");
    assert!(fabric.join("a.yaml").is_symlink() && fabric.join("b.yaml").is_symlink());
}

#[test]
fn a_check_tells_of_what_is_no_yaml() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("a.yaml"), "kind: [Team\nname: a\n").unwrap();
    fs::write(place.path().join("b.yaml"), "openapi:   3.1.0\n").unwrap();
    let output = selvage(&["fmt", "--check", &place.path().display().to_string()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("FAB6043") && said.contains("a.yaml") && !said.contains("b.yaml"), "{said}");
}
