//! A recording from before a change beside the one that the page shows: what became of the stalls,
//! and who had the CPUs when, on one scale.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::analyses::diff::{Actor, Diff, Row, Verdict};
use crate::analyses::overview::{Beside, CpuOverview, Overview, Who};
use crate::model::chosen;
use crate::render::change;
use crate::render::markup::escape;
use crate::render::report::diff as report;
use crate::render::text::{milliseconds, probability, short};

use super::parts::{Against, Page};

/// The most CPUs that are drawn, and the most culprits that are listed.
const MOST_CPUS: usize = 8;
const MOST_CULPRITS: usize = 10;
/// The colours of culprits and stalls, of the comms with most time, and of other tasks.
const CULPRIT: &str = "#d55e00";
const TASKS: [&str; 5] = ["#74bdea", "#2aa884", "#e4d850", "#c39b69", "#b48ccd"];
const OTHER: &str = "#a9acb3";
/// The width of a picture, and the heights of what it is made of, in its own units.
const WIDTH: u64 = 10_000;
const MARK: u64 = 4;
const HEIGHT: u64 = 20;

/// Writes what changed since the recording before, if there is one.
pub(super) fn write(page: &Page, out: &mut dyn Write) -> io::Result<()> {
    let Some(against) = &page.against else { return Ok(()) };
    let Against { diff, before, after } = *against;
    writeln!(out, "<section class=\"against\" aria-label=\"Before and after\">\n<h2>Before and after</h2>")?;
    for noted in &diff.doubts {
        let refuses = noted.blocks.better || noted.blocks.worse;
        let first = if refuses { "Refused" } else { "Doubt" };
        writeln!(out, "<p>{first}: {}</p>", escape(&change::doubt(&noted.doubt)))?;
    }
    let verdict = match diff.all.verdict {
        Verdict::Refused => "refused, for what stands above".to_owned(),
        _ => report::verdict(diff),
    };
    writeln!(out, "<p>{}</p>", escape(&verdict))?;
    table(diff, out)?;
    let beside = Beside::new(before, after, MOST_CPUS);
    let colours = Colours::new(diff, &beside);
    let longest_ns = length_ns(before).max(length_ns(after)).max(1);
    for (name, overview) in ["Before", "After"].into_iter().zip(beside.both) {
        let (file, length) = (escape(&overview.file), short(length_ns(overview)));
        writeln!(out, "<h3>{name}: {file}, {length}</h3>")?;
        for cpu in overview.cpus.iter().filter(|cpu| beside.cpus.contains(&cpu.cpu)) {
            picture(overview, cpu, longest_ns, &colours, out)?;
        }
    }
    colours.legend(out)?;
    writeln!(out, "</section>")
}

fn length_ns(overview: &Overview) -> u64 {
    overview.end_ns.saturating_sub(overview.start_ns)
}

/// A row for all stalls, and one for each culprit.
fn table(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<table>\n<tr><th>culprit</th><th>verdict</th><th>before</th><th>after</th><th>longest before</th>\
         <th>longest after</th><th>p</th></tr>"
    )?;
    let longest = |ns: Option<u64>| ns.map_or("-".to_owned(), |ns| format!("{} ms", milliseconds(ns)));
    for row in [&diff.all].into_iter().chain(diff.culprits.iter().take(MOST_CULPRITS)) {
        let Row { culprit, before, after, verdict, corrected, .. } = row;
        writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{} ({} a minute)</td><td>{} ({} a minute)</td><td>{}</td><td>{}</td>\
             <td>{}</td></tr>",
            escape(&culprit.as_ref().map_or("all stalls".to_owned(), ToString::to_string)),
            verdict.name().replace('_', " "),
            before.stalls,
            change::rate(before.per_minute),
            after.stalls,
            change::rate(after.per_minute),
            longest(before.longest_ns),
            longest(after.longest_ns),
            probability(*corrected),
        )?;
    }
    writeln!(out, "</table>")
}

/// One CPU: who had it, from left to right, and above that a mark for each stall.
fn picture(
    overview: &Overview,
    cpu: &CpuOverview,
    longest_ns: u64,
    colours: &Colours,
    out: &mut dyn Write,
) -> io::Result<()> {
    let at = |ns: u64| (u128::from(ns) * u128::from(WIDTH) / u128::from(longest_ns)) as u64;
    write!(
        out,
        "<div class=\"row\"><span>CPU {}</span><svg height=\"26\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" \
         role=\"img\" aria-label=\"CPU {}: {} stalls\">",
        cpu.cpu,
        cpu.cpu,
        cpu.stalls.len()
    )?;
    let mut done = 0;
    for run in &cpu.runs {
        let from = at(overview.piece_ns.saturating_mul(done));
        done += run.pieces;
        let to = at(overview.piece_ns.saturating_mul(done).min(length_ns(overview)));
        let (fill, name) = (colours.fill(&run.who), colours.name(&run.who));
        write!(
            out,
            "<rect fill=\"{fill}\" x=\"{from}\" y=\"{MARK}\" width=\"{}\" height=\"{}\"><title>{}</title></rect>",
            to.saturating_sub(from),
            HEIGHT - MARK,
            escape(&name)
        )?;
    }
    for stall in &cpu.stalls {
        let from = at(stall.start_ns.saturating_sub(overview.start_ns));
        let to = at(stall.end_ns.saturating_sub(overview.start_ns));
        let title =
            format!("{} ms, {}", milliseconds(stall.end_ns.saturating_sub(stall.start_ns)), stall.culprit);
        write!(
            out,
            "<rect class=\"mark\" fill=\"{CULPRIT}\" x=\"{from}\" y=\"0\" width=\"{}\" height=\"{MARK}\"><title>{}</title></rect>",
            to.saturating_sub(from).max(WIDTH / 500),
            escape(&title)
        )?;
    }
    writeln!(out, "</svg></div>")
}

/// Which colour shows whom. It is the same on both sides.
struct Colours {
    /// The comms of culprits.
    culprits: BTreeSet<String>,
    /// The other comms with most time, each with a colour of its own.
    others: Vec<String>,
}

impl Colours {
    fn new(diff: &Diff, beside: &Beside) -> Colours {
        let actors = diff.culprits.iter().filter_map(|row| Some(&row.culprit.as_ref()?.actor));
        let comms = actors.filter_map(|actor| match actor {
            Actor::Task(comm) => Some(comm.clone()),
            _ => None,
        });
        let culprits: BTreeSet<String> = comms.collect();
        let others = beside.comms.iter().filter(|comm| !culprits.contains(**comm));
        let others = others.take(TASKS.len()).map(|comm| (*comm).to_owned()).collect();
        Colours { culprits, others }
    }

    /// The colour of what is drawn. Those with a name are of the style sheet, and differ on a dark
    /// page.
    fn fill(&self, who: &Who) -> &'static str {
        match who {
            Who::Task(comm) if self.culprits.contains(comm) => CULPRIT,
            Who::Task(comm) => {
                let number = self.others.iter().position(|other| other == comm);
                number.map_or(OTHER, |number| TASKS[number])
            }
            Who::Interrupts => "#0072b2",
            Who::Idle => "var(--idle)",
            Who::Lost => "var(--lost-stripe)",
            Who::Unsampled => "var(--unsampled-stripe)",
        }
    }

    fn name(&self, who: &Who) -> String {
        match who {
            Who::Task(comm) => chosen(comm).into_owned(),
            Who::Interrupts => "interrupts and softirqs".to_owned(),
            Who::Idle => "idle".to_owned(),
            Who::Lost => "lost".to_owned(),
            Who::Unsampled => "unsampled".to_owned(),
        }
    }

    fn legend(&self, out: &mut dyn Write) -> io::Result<()> {
        let task = |comm: &String| Who::Task(comm.clone());
        let entry = |who: Who| (self.fill(&who), self.name(&who));
        let mut entries = vec![(CULPRIT, "stall".to_owned())];
        entries.extend(self.culprits.iter().take(MOST_CULPRITS).map(task).map(entry));
        if self.culprits.len() > MOST_CULPRITS {
            entries.push((CULPRIT, "other culprits".to_owned()));
        }
        entries.extend(self.others.iter().map(task).map(entry));
        entries.push((OTHER, "other tasks".to_owned()));
        entries.extend([Who::Interrupts, Who::Idle, Who::Lost, Who::Unsampled].map(entry));
        write!(out, "<p class=\"legend\">")?;
        for (fill, name) in entries {
            write!(
                out,
                "<span><svg width=\"11\" height=\"11\" viewBox=\"0 0 1 1\"><rect fill=\"{fill}\" width=\"1\" height=\"1\"/></svg> {}</span>&emsp;",
                escape(&name)
            )?;
        }
        writeln!(out, "</p>")
    }
}
