//! The command line as it is read: the declaration, with what holds for every command of it.

use clap::{Arg, ArgMatches, CommandFactory, FromArgMatches, ValueEnum};

use crate::cli::{Cli, Format};
use crate::output::voice::Color;

/// The declared command line, with `-o` for `--output` wherever no command writes a file by `-o`.
pub fn command() -> clap::Command {
    let command = Cli::command();
    let output = command.get_arguments().find(|one| one.get_id() == "output").cloned();
    match output {
        Some(output) => short(command, &output),
        None => command,
    }
}

/// Gives a command and those below it an `--output` of their own, which goes before the one of the whole.
fn short(command: clap::Command, output: &Arg) -> clap::Command {
    let taken = command.get_arguments().any(|one| one.get_short() == Some('o'));
    let own = if taken { output.clone() } else { output.clone().short('o') };
    let declared = command.get_arguments().any(|one| one.get_id() == "output");
    let command = if declared { command.mut_arg("output", |_| own) } else { command.arg(own) };
    command.mut_subcommands(|one| short(one, output))
}

/// Reads the command line of this process.
///
/// # Errors
/// When it is not one, or help was asked for.
pub fn parsed() -> Result<Cli, clap::Error> {
    let color: Color = asked(&["--color"], "GROUNDFAST_COLOR");
    let mut command = command().color(color.into());
    let matches: ArgMatches = command.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// The format of the result of a command line that could not be read: as it asks for, where that can be told.
pub fn asked_format() -> Format {
    asked(&["--output", "-o"], "GROUNDFAST_OUTPUT")
}

fn asked<T: ValueEnum + Default>(flags: &[&str], variable: &str) -> T {
    let words: Vec<_> = std::env::args().collect();
    let mut pairs = words.iter().zip(words.iter().skip(1));
    let of_flag = pairs.find(|(word, _)| flags.contains(&word.as_str()));
    let joined = words.iter().find_map(|word| word.strip_prefix(flags.first()?)?.strip_prefix('='));
    #[expect(clippy::disallowed_methods, reason = "the command line's own variables")]
    let variable = std::env::var(variable).ok();
    let asked = joined.or(of_flag.map(|(_, value)| value.as_str())).or(variable.as_deref());
    asked.and_then(|name| T::from_str(name, false).ok()).unwrap_or_default()
}

/// The command that a command line is for, as its document names it: `bundle verify`.
pub fn asked_command() -> String {
    let (mut at, mut names) = (Cli::command(), Vec::new());
    for word in std::env::args().skip(1) {
        let Some(next) = at.find_subcommand(&word).cloned() else { continue };
        names.push(word);
        at = next;
    }
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command that does something by itself, with the words that name it.
    fn each(command: &clap::Command, words: &str, visit: &mut dyn FnMut(&str, &clap::Command)) {
        for one in command.get_subcommands().filter(|one| !one.is_hide_set()) {
            let words = format!("{words} {}", one.get_name());
            if !one.is_subcommand_required_set() {
                visit(&words, one);
            }
            each(one, &words, visit);
        }
    }

    #[test]
    fn the_declaration_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_command_has_o_for_a_file_or_for_the_format() {
        each(&command(), "", &mut |words, one| {
            let short = one.get_arguments().find(|argument| argument.get_short() == Some('o'));
            let id = short.map(|argument| argument.get_id().as_str());
            assert!(matches!(id, Some("output" | "output_file" | "out")), "{words}: {id:?}");
        });
        let format = |words: &[&str]| {
            let matches = command().try_get_matches_from(words).unwrap();
            Cli::from_arg_matches(&matches).unwrap().global.output
        };
        assert_eq!(format(&["groundfast", "status", "-o", "json"]), Format::Json);
        assert_eq!(format(&["groundfast", "profile", "show", "x", "-ojson"]), Format::Json);
        assert_eq!(format(&["groundfast", "-o", "json", "status"]), Format::Json);
        assert_eq!(format(&["groundfast", "--output", "json", "drift"]), Format::Json);
        assert_eq!(format(&["groundfast", "report", "-o", "json"]), Format::Text, "a file of that name");
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_how_it_is_called() {
        each(&command(), "", &mut |words, one| {
            assert!(one.get_about().is_some(), "{words} says nothing");
            let help = one.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:\n  ") && help.contains("groundfast"), "{words}: {help:?}");
            assert!(
                help.contains(words.trim()) || words.contains("verify"),
                "{words} is not in its own examples"
            );
        });
    }
}
