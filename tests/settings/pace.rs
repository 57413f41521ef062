//! How much of AWS's limits is ours.

use shipmate::domain::share::Share;
use shipmate::settings::Settings;

const REST: &str = "[environments.staging]\nregion = \"eu-west-1\"\ncluster = \"staging\"\n\
    tag = \"staging-latest\"\n[services.core]\nrepository = \"core\"\ncontainer = \"app\"\n\
    environments = [\"staging\"]\n";

fn share(written: &str) -> Result<Option<Share>, String> {
    let text = format!("{REST}{written}");
    let settings = Settings::parse("shipmate.toml", &text, Vec::new());
    settings.map(|settings| settings.share).map_err(|errors| errors.to_string())
}

#[test]
fn the_share_is_a_percentage() {
    assert_eq!(share(""), Ok(None));
    let set = share("[aws]\nshare = \"25%\"\n").unwrap().unwrap();
    assert_eq!(set.to_string(), "25%");
    assert_eq!(Share::parse("50%"), Some(Share::default()), "what the reference says");
}

#[test]
fn a_share_that_lets_no_call_through_is_refused() {
    for text in ["0%", "101%", "50", "half", "-1%"] {
        let said = share(&format!("[aws]\nshare = \"{text}\"\n")).unwrap_err();
        let words = format!(":10:9: `{text}` is not a share of AWS's limits; write 1% to 100%");
        assert!(said.contains(&words), "{said}");
    }
}
