//! `stallgraph help`: the help of a command, and what the words of the reports mean.

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Args, Command};
use stallgraph::Error;

use super::outcome::Outcome;

/// Explains a command, or a topic: evidence, verdict, record, names, exit-codes
///
/// Examples:
///
///   stallgraph help evidence        # what shows that a CPU stalled
///   stallgraph help verdict         # what window says of a path, and how sure
///   stallgraph help record          # what to run on the node that stalls
///   stallgraph help names           # where names of functions come from
///   stallgraph help exit-codes      # of all commands
///   stallgraph help stalls          # as stallgraph stalls --help
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// A topic or a command
    #[arg(value_name = "SUBJECT")]
    subject: Option<String>,
}

/// The name of each topic, and what is printed of it.
const TOPICS: [(&str, &str); 5] = [
    ("evidence", include_str!("evidence.txt")),
    ("verdict", include_str!("verdict.txt")),
    ("record", include_str!("record.txt")),
    ("names", include_str!("names.txt")),
    ("exit-codes", include_str!("exit-codes.txt")),
];

/// The command line, in which this command takes the topics and the names of all commands: then a
/// typing error is answered with a similar name, and shells complete them.
pub fn with_subjects(command: Command) -> Command {
    let commands = command.get_subcommands().map(|command| command.get_name().to_owned());
    let topics = TOPICS.iter().map(|(name, _)| (*name).to_owned());
    let subjects = PossibleValuesParser::new(topics.chain(commands).collect::<Vec<String>>());
    command.mut_subcommand("help", |help| {
        help.mut_arg("subject", |subject| subject.value_parser(subjects).hide_possible_values(true))
    })
}

/// Runs the command; `command` is the whole command line.
pub fn run(arguments: &Arguments, mut command: Command) -> Result<Outcome> {
    command.build();
    let subject = arguments.subject.as_deref();
    let topic = TOPICS.iter().find(|(name, _)| Some(*name) == subject);
    if let Some((_, text)) = topic {
        // It wraps lines where the terminal is narrower than the text.
        let template = Command::new("topic").about(*text).help_template("{about}").print_help();
        template.map_err(Error::Output)?;
        return Ok(Outcome::Found);
    }
    let asked = match subject {
        Some(name) => command.find_subcommand_mut(name),
        None => Some(&mut command),
    };
    asked.map_or(Ok(()), Command::print_long_help).map_err(Error::Output)?;
    Ok(Outcome::Found)
}
