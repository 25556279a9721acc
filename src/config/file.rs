//! The settings file: TOML whose keys are the command line's, read as if they had been given there.
//!
//! What the command line or the environment says is left out: flags win over the environment, the environment over the
//! file, the file over the defaults. There is no second list of keys: a key is the name of a field of [`Config`], and
//! the flag's own parser reads its value.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, parser::ValueSource};
use toml::{Table, Value};

use super::Config;

/// Read if it is there and no other is named.
const USUAL: &str = "palco.toml";
/// The flag that names the file.
const NAMED_BY: &str = "config";
/// A name less like the one that was meant is no help (Jaro-Winkler, 0 to 1).
const LIKENESS: f64 = 0.7;

/// Why a settings file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is not TOML.
    #[error("{path}: {source}")]
    Syntax {
        /// Which.
        path: String,
        /// Where and why.
        source: toml::de::Error,
    },
    /// A key that is none.
    #[error("{path}: there is no setting `{key}`{}", nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    Unknown {
        /// Which file.
        path: String,
        /// Which key.
        key: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A value that no flag could have.
    #[error("{path}: `{key}` is {expected}")]
    Kind {
        /// Which file.
        path: String,
        /// Which key.
        key: String,
        /// What it must be.
        expected: &'static str,
    },
}

/// The arguments that a settings file adds to those `given`, and the file's path; nothing where there is no file, or
/// the command has no settings. `given` need not be right: the file's part is made of what is.
pub(crate) fn arguments(
    command: &Command,
    given: &[OsString],
) -> Result<Option<(PathBuf, Vec<OsString>)>, FileError> {
    let lenient = command.clone().ignore_errors(true).try_get_matches_from(given);
    // Help or the version was asked for.
    let Ok(matches) = lenient else { return Ok(None) };
    // Subcommands are completed with the global flags.
    let mut command = command.clone();
    command.build();
    let (mut command, mut matches) = (&command, &matches);
    while let Some((name, inner)) = matches.subcommand() {
        let Some(called) = command.find_subcommand(name) else { return Ok(None) };
        (command, matches) = (called, inner);
    }
    let settings = Config::augment_args(Command::new("settings"));
    if !settings.get_arguments().any(|setting| takes(command, setting)) {
        return Ok(None);
    }
    let named = matches.try_get_one::<PathBuf>(NAMED_BY).ok().flatten();
    let path = match named {
        Some(path) => path.clone(),
        None if Path::new(USUAL).exists() => USUAL.into(),
        None => return Ok(None),
    };
    let added = read(&path, &settings, command, matches)?;
    Ok(Some((path, added)))
}

fn read(
    path: &Path,
    settings: &Command,
    command: &Command,
    matches: &ArgMatches,
) -> Result<Vec<OsString>, FileError> {
    let shown = || path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| FileError::Read { path: shown(), source })?;
    let table: Table =
        text.parse().map_err(|source| FileError::Syntax { path: shown(), source })?;
    let mut added = Vec::new();
    for (key, value) in table {
        let Some(setting) = settings.get_arguments().find(|arg| arg.get_id() == key.as_str())
        else {
            let nearest = nearest(settings, &key);
            return Err(FileError::Unknown { path: shown(), key, nearest });
        };
        let flags = flags(setting, &value).map_err(|expected| FileError::Kind {
            path: shown(),
            key: key.clone(),
            expected,
        })?;
        if takes(command, setting) && !said(matches, &key) {
            added.extend(flags);
        }
    }
    Ok(added)
}

/// Whether the command has this setting: not just a flag of the same name.
fn takes(command: &Command, setting: &Arg) -> bool {
    command
        .get_arguments()
        .any(|arg| arg.get_id() == setting.get_id() && arg.get_env() == setting.get_env())
}

/// Whether the command line or the environment says it.
fn said(matches: &ArgMatches, key: &str) -> bool {
    let source = matches.value_source(key);
    matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

fn nearest(settings: &Command, key: &str) -> Option<String> {
    let names = settings.get_arguments().map(|setting| setting.get_id().as_str());
    let likeness = names.map(|name| (strsim::jaro_winkler(name, key), name));
    let (best, name) = likeness.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (best >= LIKENESS).then(|| name.to_owned())
}

/// The setting and its value as the command line would have them, or what it should have been.
fn flags(setting: &Arg, value: &Value) -> Result<Vec<OsString>, &'static str> {
    let long = setting.get_long().expect("invariant: every setting has a long flag");
    if matches!(setting.get_action(), ArgAction::SetTrue) {
        return match value {
            Value::Boolean(true) => Ok(vec![format!("--{long}").into()]),
            Value::Boolean(false) => Ok(Vec::new()),
            _ => Err("true or false"),
        };
    }
    let many = matches!(setting.get_action(), ArgAction::Append);
    let values = match value {
        Value::Array(values) if many => values.as_slice(),
        Value::Array(_) => return Err("one value"),
        one => std::slice::from_ref(one),
    };
    let flag = |value: &Value| match value {
        Value::String(text) => Ok(format!("--{long}={text}").into()),
        Value::Integer(number) => Ok(format!("--{long}={number}").into()),
        _ if many => Err("a text or number, or a list of them"),
        _ => Err("a text or a number"),
    };
    values.iter().map(flag).collect()
}

#[cfg(test)]
mod tests;
