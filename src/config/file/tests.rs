use clap::{CommandFactory, Parser};

use super::*;

/// As the `palco` command, as far as settings go.
#[derive(Debug, Parser)]
struct Cli {
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, clap::Subcommand)]
enum Sub {
    Serve(Box<Config>),
    /// Has a flag of a setting's name, which is another thing.
    Listen {
        #[arg(long)]
        listen: Option<u16>,
    },
}

/// What the file adds to `palco serve` with these flags.
fn added(text: &str, flags: &[&str]) -> Result<Vec<String>, FileError> {
    added_to("serve", text, flags)
}

fn added_to(sub: &str, text: &str, flags: &[&str]) -> Result<Vec<String>, FileError> {
    let path = std::env::temp_dir().join(format!("palco-{}.toml", uuid::Uuid::new_v4()));
    std::fs::write(&path, text).unwrap();
    let named = format!("--config={}", path.display());
    let given = ["palco", &named, sub].iter().chain(flags).map(Into::into).collect::<Vec<_>>();
    let added = arguments(&Cli::command(), &given);
    std::fs::remove_file(path).unwrap();
    let added = added?.map(|(_, added)| added).unwrap_or_default();
    Ok(added.into_iter().map(|flag| flag.into_string().unwrap()).collect())
}

fn wrong(text: &str) -> String {
    let error = added(text, &[]).unwrap_err().to_string();
    let (path, what) = error.split_once(".toml: ").unwrap();
    assert!(path.contains("palco-"), "names the file: {path}");
    what.to_owned()
}

#[test]
fn keys_become_flags_unless_the_command_line_says_them() {
    let text = "no_tcp = true\nmax_people = 7\nannounce = ['192.0.2.1', '192.0.2.2']\norigin = []";
    let all = ["--announce=192.0.2.1", "--announce=192.0.2.2", "--max-people=7", "--no-tcp"];
    assert_eq!(added(text, &[]).unwrap(), all);
    assert_eq!(added(text, &["--announce", "192.0.2.3"]).unwrap(), all[2..]);
    assert_eq!(added("no_tcp = false", &[]).unwrap(), [""; 0]);
    // What is wrong on the command line is told by the command line's own parser.
    assert_eq!(added(text, &["--bogus"]).unwrap(), all);
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest() {
    assert_eq!(wrong("anounce = '::1'"), "there is no setting `anounce`; did you mean `announce`?");
    assert_eq!(
        wrong("public-url = ''"),
        "there is no setting `public-url`; did you mean `public_url`?"
    );
    assert_eq!(wrong("config = 'other.toml'"), "there is no setting `config`");
    assert_eq!(wrong("[rooms]"), "there is no setting `rooms`");
}

#[test]
fn a_value_of_the_wrong_kind_is_refused() {
    assert_eq!(wrong("no_tcp = 1"), "`no_tcp` is true or false");
    assert_eq!(wrong("max_people = true"), "`max_people` is a text or a number");
    assert_eq!(wrong("max_people = [1]"), "`max_people` is one value");
    assert_eq!(wrong("origin = [true]"), "`origin` is a text or number, or a list of them");
    assert!(wrong("max_people 7").contains("line 1"), "what is no TOML is told with its place");
}

#[test]
fn a_command_without_settings_reads_no_file() {
    assert_eq!(added_to("listen", "nonsense", &[]).unwrap(), [""; 0]);
    assert_eq!(added_to("listen", "nonsense", &["--listen", "1"]).unwrap(), [""; 0]);
    assert_eq!(added("", &["--help"]).unwrap(), [""; 0]);
}

/// `docs/operations.md` shows a file with every setting: its keys are all there are, each can be set, and what stands
/// for a default is the default.
#[test]
fn the_documented_file_has_every_setting() {
    let document = include_str!("../../../docs/operations.md");
    let (_, from) = document.split_once("```toml\n").expect("an example");
    let (text, _) = from.split_once("```").expect("its end");
    let table: Table = text.parse().expect("TOML");
    let settings = Config::augment_args(Command::new("settings"));
    let mut keys: Vec<_> = settings.get_arguments().map(|arg| arg.get_id().to_string()).collect();
    keys.sort();
    let documented: Vec<_> = table.keys().cloned().collect();
    assert_eq!(documented, keys);

    for setting in settings.get_arguments() {
        let key = setting.get_id().as_str();
        let usual = format!("PALCO_{}", key.to_uppercase());
        let variable = setting.get_env().expect("a variable of the environment").to_str().unwrap();
        assert!(
            variable == usual || document.contains(&format!("`{variable}`")),
            "{key}: {variable} is not what its name says, and not documented"
        );
        if let [default] = setting.get_default_values() {
            let value = match &table[key] {
                Value::String(text) => text.clone(),
                Value::Integer(number) => number.to_string(),
                other => panic!("{key}: {other:?}"),
            };
            assert_eq!(value.as_str(), default, "{key}");
        }
    }
    // The whole of it is taken as it stands, by each setting's own parser.
    let flags = |arg: &Arg| flags(arg, &table[arg.get_id().as_str()]).unwrap();
    let given = ["palco", "serve"].map(OsString::from).into_iter();
    let given = given.chain(settings.get_arguments().flat_map(flags));
    let matches = Cli::command().try_get_matches_from(given).unwrap();
    let (_, matches) = matches.subcommand().unwrap();
    for setting in settings.get_arguments().filter(|arg| !flags(arg).is_empty()) {
        assert!(said(matches, setting.get_id().as_str()), "{} is not settable", setting.get_id());
    }
}
