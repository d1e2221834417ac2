//! Examples in the help of every command.
//!
//! A group of commands tells its story in its own help; each command in it shows the
//! lines of that story that call it, or those of [`MORE`].

use clap::Command;

/// Examples of the commands that no group's story has.
const MORE: &str = "\
Examples:
  mayday admin-key list
  mayday app activate --id shop
  mayday app deactivate --id shop     refused everywhere, cut within a second
  mayday app show --id shop --json
  mayday asyncapi > asyncapi.json
  mayday bench connect --app shop --secret-file key
  mayday bench http --app shop --secret-file key --json
  mayday broker-key list
  mayday device-config remove --app shop --country ES
  mayday device-config show --app shop --country ES
  mayday firmware remove 0199... --app shop
  mayday firmware withdraw 0199... --app shop   phones get the one before
  mayday inspect unattributed --app shop --json
  mayday mail template list --app shop
  mayday mail template remove new_sign_in --app shop --language es
  mayday mail template show new_sign_in --app shop --language es
  mayday network-key remove --app shop
  mayday network-key rotate --app shop
  mayday openapi > openapi.json
  mayday provider opt-outs --json
  mayday slack list --app shop
  mayday slack remove 0199... --app shop
  mayday sso key create --app shop --json
  mayday sso key list --app shop
  mayday sso key revoke 0199... --app shop
  mayday sso key rotate --app shop
  mayday sso remove --app shop
  mayday user erase ana --app shop --yes
  mayday user erasures --app shop
  mayday user export ana --app shop --output ana.json
  mayday user unblock ana --app shop
  mayday webhook api-key remove --app shop
  mayday webhook api-key set --app shop --file api.key
  mayday webhook api-key show --app shop
  mayday webhook enable 0199... --app shop        after it was disabled by a 410
  mayday webhook list --app shop
  mayday webhook remove 0199... --app shop
  mayday webhook show 0199... --app shop --json
";

/// Whether a line of a story is an example: it is set in, and calls mayday.
fn is_example(line: &str) -> bool {
    line.starts_with("  ") && line.contains("mayday ")
}

/// Gives every command that has no examples of its own those that call it.
pub(super) fn complete(command: Command) -> Command {
    let mut stories = vec![MORE.to_owned()];
    collect(&command, &mut stories);
    let known: Vec<String> = stories.iter().flat_map(|story| told_in(story)).collect();
    let path = command.get_name().to_owned();
    with_examples(command, &path, &known)
}

fn collect(command: &Command, stories: &mut Vec<String>) {
    stories.extend(command.get_after_help().map(ToString::to_string));
    for sub in command.get_subcommands() {
        collect(sub, stories);
    }
}

/// The examples of a story, each with the lines that go on after a backslash.
fn told_in(story: &str) -> Vec<String> {
    let mut examples: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in story.lines() {
        match examples.last_mut() {
            Some(last) if goes_on => {
                last.push('\n');
                last.push_str(line);
            }
            _ if is_example(line) => examples.push(line.to_owned()),
            _ => {}
        }
        goes_on = line.ends_with('\\') && (goes_on || is_example(line));
    }
    examples
}

fn with_examples(command: Command, path: &str, known: &[String]) -> Command {
    let command = command.mut_subcommands(|sub| {
        let path = format!("{path} {}", sub.get_name());
        with_examples(sub, &path, known)
    });
    if command.get_after_help().is_some() {
        return command;
    }
    let calls = |example: &&String| {
        let rest = example.split_once(path).map(|(_, rest)| rest);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let mut examples: Vec<&str> = known.iter().filter(calls).map(String::as_str).collect();
    examples.dedup();
    if examples.is_empty() {
        return command;
    }
    command.after_help(format!("Examples:\n{}", examples.join("\n")))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::Cli;
    use super::*;

    #[test]
    fn every_command_shows_an_example() {
        fn look(command: &Command, path: &str, without: &mut Vec<String>) {
            if command.get_after_help().is_none() {
                without.push(path.to_owned());
            }
            for sub in command.get_subcommands() {
                look(sub, &format!("{path} {}", sub.get_name()), without);
            }
        }
        let mut without = Vec::new();
        look(&complete(Cli::command()), "mayday", &mut without);
        assert_eq!(without, [""; 0], "no example calls them");
    }

    #[test]
    fn every_example_is_a_command_that_can_be_given() {
        for example in told_in(MORE) {
            // A comment stands behind two spaces.
            let line = example.trim_start();
            let line = line.split("  ").next().unwrap_or(line);
            let words = line.split(" > ").next().unwrap_or(line).split(' ');
            let given = Cli::command().try_get_matches_from(words);
            assert!(given.is_ok(), "{line}: {}", given.unwrap_err());
        }
    }

    #[test]
    fn an_example_has_the_lines_that_go_on() {
        let story = "Examples:\n  mayday a \\\n      --b\n\nWords.\n  mayday c";
        assert_eq!(told_in(story), ["  mayday a \\\n      --b", "  mayday c"]);
    }
}
