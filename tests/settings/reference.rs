//! docs/settings.md is what the table of keys says.

use std::path::Path;

/// Run with `UPDATE_REFERENCE=1` to write the page anew.
#[test]
fn the_reference_is_rendered_from_the_table_of_keys() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    let rendered = shipmate::settings::reference();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &rendered).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, rendered, "run this test with UPDATE_REFERENCE=1");
}
