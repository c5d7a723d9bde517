//! Builds the binary anew when a page, an example, a pack or the sample fabric changes: they are carried inside it.

fn main() {
    for directory in ["docs/errors", "docs/comparison", "packs", "examples/factory"] {
        println!("cargo:rerun-if-changed=../../{directory}");
    }
}
