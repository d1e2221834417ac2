//! `mayday completions`: what a shell needs to complete our words.

use clap::Args;

use crate::cli::Cli;
use crate::failure::Outcome;
use crate::output::print_document;

/// `mayday completions`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mayday completions bash > ~/.local/share/bash-completion/completions/mayday
  mayday completions fish > ~/.config/fish/completions/mayday.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// Prints the completions.
pub(crate) fn run(args: &CompletionsArgs) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::definition(), "mayday", &mut text);
    print_document(&String::from_utf8_lossy(&text))
}
