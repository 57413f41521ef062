//! The bot's token: where it may come from, and that nothing shows it.

use std::path::{Path, PathBuf};

use shipmate::settings::TokenError;

use super::{SMALL, parse, wrong};

const VARIABLE: &str = "SHIPMATE__CHAT__DISCORD__TOKEN";

/// Has the form of a bot's token, and is none.
const TOKEN: &str = "MTAwMDAwMDAwMDAwMDAwMDAw.GAbCdE.not-a-real-token-of-anybody-at-all";

/// A chat with this line, which is line 12.
fn chat(line: &str) -> String {
    format!(
        "{SMALL}[chat.discord]\n{line}\nguild = \"1000\"\nchannels = {{ \"2000\" = [\"staging\"] }}"
    )
}

fn file_line(path: &Path) -> String {
    chat(&format!("token-file = {:?}", path.display().to_string()))
}

/// The token out of a file of this content.
fn token_of(content: &[u8]) -> (PathBuf, Result<String, TokenError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, content).unwrap();
    let discord = parse(&file_line(&path), &[]).unwrap().chat.unwrap();
    (path, discord.token().map(|token| token.reveal().to_owned()))
}

#[test]
fn the_token_comes_from_a_file_or_a_variable() {
    let (_, token) = token_of(format!(" {TOKEN}\r\n").as_bytes());
    assert_eq!(token.unwrap(), TOKEN);
    let spaced = format!("{TOKEN}\n");
    let settings = parse(&chat(""), &[(VARIABLE, &spaced)]).unwrap();
    assert_eq!(settings.chat.unwrap().token().unwrap().reveal(), TOKEN);
    let by_variable = [("SHIPMATE__CHAT__DISCORD__TOKEN_FILE", "/no/such/file")];
    assert!(parse(&chat(""), &by_variable).is_ok());
}

#[test]
fn exactly_one_of_the_two_is_given() {
    assert_eq!(
        wrong(&chat("token-file = \"/run/x\""), &[(VARIABLE, TOKEN)]),
        "SHIPMATE__CHAT__DISCORD__TOKEN: Discord's token is given twice, also by `token-file`; \
         keep one of the two"
    );
    assert_eq!(
        wrong(&chat(""), &[]),
        "shipmate.toml:11:7: Discord's token is not given; name a file that holds it, for \
         example: token-file = \"/run/secrets/discord-token\", or set \
         SHIPMATE__CHAT__DISCORD__TOKEN"
    );
    assert_eq!(
        wrong(&chat(""), &[(VARIABLE, " ")]),
        "SHIPMATE__CHAT__DISCORD__TOKEN: `chat.discord.token` is empty; write a value or remove it"
    );
}

#[test]
fn the_token_never_stands_in_the_settings() {
    let told = "shipmate.toml:12:9: `chat.discord.token` never stands in this file; write it into \
                a file of its own, which `chat.discord.token-file` names, or set \
                SHIPMATE__CHAT__DISCORD__TOKEN";
    let line = format!("token = \"{TOKEN}\"");
    assert_eq!(wrong(&chat(&line), &[]), told);
    assert_eq!(wrong(&chat(&format!("{line}\ntoken-file = \"/run/x\"")), &[]), told);
    assert_eq!(wrong(&chat(&line), &[(VARIABLE, TOKEN)]), told);
    assert_eq!(
        wrong(&chat(&format!("token-file = \"{TOKEN}\"")), &[]),
        "shipmate.toml:12:14: this looks like the token itself; write it into a file, and the \
         file's name here. Whoever saw it here can speak as Shipmate: let Discord make a new one"
    );
}

#[test]
fn a_token_is_never_shown() {
    let settings = parse(&chat(""), &[(VARIABLE, TOKEN)]).unwrap();
    let token = settings.chat.clone().unwrap().token().unwrap();
    let shown = format!("{settings:?}{settings:#?}{token:?}");
    let (path, read) = token_of(format!("Bot {TOKEN}").as_bytes());
    let error = read.unwrap_err();
    assert_eq!(error, TokenError::NotAToken { file: path });
    let shown = format!("{shown}{error}{error:?}");
    assert!(!shown.contains(&TOKEN[..10]) && !shown.contains(&TOKEN[40..]), "{shown}");

    // Wherever it is put by mistake, in the file or in a variable.
    let by_file = |line: String| parse(&chat(&line), &[]).unwrap_err();
    let by_variable = |name: &str, text: &str| parse(&chat(""), &[(name, text)]).unwrap_err();
    for errors in [
        by_file(format!("token = \"{TOKEN}\"")),
        by_file(format!("token = [\"{TOKEN}\"]")),
        by_file(format!("token = {{ {} = 1 }}", TOKEN.replace('.', "-"))),
        by_file(format!("token = \"{TOKEN}")),
        by_file(format!("token = {TOKEN}")),
        by_file(format!("tokn = \"{TOKEN}\"")),
        by_file(format!("token-file = \"{TOKEN}\"")),
        by_file(format!("token-file = [\"{TOKEN}\"]")),
        by_file(format!("call = \"{TOKEN}\"")),
        by_file(format!("announce = \"{TOKEN}\"")),
        by_file(format!("public-key = \"{TOKEN}\"")),
        by_file(format!("api = \"https://{TOKEN}@host\"")),
        by_variable(VARIABLE, &format!("Bot {TOKEN}")),
        by_variable("SHIPMATE__CHAT__DISCORD__TOKN", TOKEN),
        by_variable("SHIPMATE__CHAT__DISCORD__TOKEN_FILE", TOKEN),
        by_variable("SHIPMATE__CHAT__DISCORD__GUILD", TOKEN),
    ] {
        let shown = format!("{errors}{errors:?}");
        assert!(!shown.contains("not-a-real") && !shown.contains(&TOKEN[..10]), "{shown}");
    }
}

#[test]
fn a_token_file_that_is_of_no_use_says_why() {
    let (path, token) = token_of(b" \n");
    assert_eq!(token, Err(TokenError::Empty { file: path.clone() }));
    assert_eq!(
        token.unwrap_err().to_string(),
        format!(
            "the token file {} is empty; write the bot's token into it, from the page Bot of the \
             application in Discord's developer portal",
            path.display()
        )
    );
    for content in [format!("{TOKEN}\n{TOKEN}").as_bytes(), b"t\xc3\xb6ken".as_slice()] {
        let (path, token) = token_of(content);
        assert_eq!(token, Err(TokenError::NotAToken { file: path }));
    }
    let (_, token) = token_of(b"\xff\xfe");
    assert!(matches!(token, Err(TokenError::Unreadable { .. })), "{token:?}");

    let missing = parse(&file_line(Path::new("/no/such/token")), &[]).unwrap().chat.unwrap();
    let error = missing.token().unwrap_err().to_string();
    assert!(error.starts_with("the token file /no/such/token cannot be read ("), "{error}");
}

#[cfg(unix)]
#[test]
fn a_token_file_that_everybody_may_write_is_refused_and_one_that_everybody_may_read_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, TOKEN).unwrap();
    let discord = parse(&file_line(&path), &[]).unwrap().chat.unwrap();
    let open = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (discord.token().is_ok(), discord.token_file_read_by_others().is_some())
    };
    assert_eq!(open(0o600), (true, false));
    assert_eq!(open(0o640), (true, false));
    assert_eq!(open(0o444), (true, true));
    assert_eq!(open(0o602), (false, false));
    let error = discord.token().unwrap_err();
    let file = path.display();
    assert_eq!(
        error.to_string(),
        format!(
            "everybody on this machine may write the token file {file}; take that away: chmod o-w \
             {file}"
        )
    );
}
