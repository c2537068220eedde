//! Associations: what the nodes that a culprit stalls have in common, and others do not. Fisher's
//! exact test, corrected for all that is asked of all culprits.

use hashbrown::{DefaultHashBuilder, HashMap};

use crate::analyses::statistics::{Exact, Table, fisher_exact_stratified, tests_that_count};

use super::facts::Facts;
use super::result::{Association, Attribute};
use super::units::Units;

/// What tells: a corrected p-value below this.
const LEVEL: f64 = 0.05;
/// Of so many culprits it is asked, those on most nodes, and for so many attributes. Nobody reads
/// more.
const MOST: usize = 1000;
/// A culprit, or an attribute, of fewer units has nothing in common.
const FEWEST: u64 = 2;

/// An attribute and a culprit.
#[derive(Clone)]
struct Question {
    culprit: usize,
    attribute: usize,
    table: Table,
    /// Whether each unit that the culprit stalls tells.
    all_tell: bool,
    exact: Exact,
}

/// The associations of each culprit, the surest first. `affected` has the units that each of them
/// stalls, in the order of the ranking. The first of both are nodes, the second nodes with one
/// kernel, of which kernels are asked.
pub(super) fn associations(
    facts: &Facts,
    units: &[Units; 2],
    affected: &[[Vec<usize>; 2]],
) -> Vec<Vec<Association>> {
    let asked = [0, 1].map(|which: usize| {
        let affected: Vec<&Vec<usize>> = affected.iter().map(|of| &of[which]).collect();
        questions(facts, &units[which], &affected, which == 1)
    });
    let questions = asked.concat();
    let tests = tests_that_count(questions.iter().map(|question| question.exact), LEVEL);
    let mut found: Vec<Vec<Association>> = affected.iter().map(|_| Vec::new()).collect();
    for question in questions {
        let Question { table, exact, .. } = question;
        let corrected = (exact.p_value * tests).min(1.0);
        if corrected < LEVEL {
            found[question.culprit].push(Association {
                attribute: facts.attributes[question.attribute].clone(),
                is_only: question.all_tell && table.windows_with == table.windows,
                affected: table.windows,
                affected_with: table.windows_with,
                others: table.baseline,
                others_with: table.baseline_with,
                p_value: exact.p_value,
                corrected,
            });
        }
    }
    for found in &mut found {
        found.sort_by(|one, other| {
            one.p_value.total_cmp(&other.p_value).then_with(|| one.attribute.cmp(&other.attribute))
        });
    }
    found
}

/// All that is asked: of each attribute that some units have and others do not; of kernels, or of
/// all others.
fn questions(facts: &Facts, units: &Units, affected: &[&Vec<usize>], of_kernels: bool) -> Vec<Question> {
    let tried: Vec<(usize, &Attribute, u64)> = facts
        .attributes
        .iter()
        .enumerate()
        .filter(|(at, attribute)| {
            matches!(attribute, Attribute::Kernel(_)) == of_kernels && units.with[*at] >= FEWEST
        })
        .take(MOST)
        .map(|(at, attribute)| (at, attribute, units.telling(attribute)))
        .filter(|(at, _, telling)| (FEWEST..*telling).contains(&units.with[*at]))
        .collect();
    // Many attributes and culprits have the same numbers.
    let mut results: HashMap<Table, Exact, DefaultHashBuilder> = HashMap::default();
    let mut questions = Vec::new();
    let mut with = vec![0u64; facts.attributes.len()];
    let asked = affected.iter().enumerate().take(MOST);
    for (culprit, affected) in asked.filter(|(_, affected)| affected.len() as u64 >= FEWEST) {
        let each = || affected.iter().flat_map(|unit| &units.get(*unit).attributes);
        each().for_each(|attribute| with[*attribute] += 1);
        let telling = |attribute| affected.iter().filter(|unit| units.get(**unit).tells(attribute)).count();
        let (kernel, arch) = (Attribute::Kernel(String::new()), Attribute::Arch(String::new()));
        let (with_kernel, with_arch) = (telling(&kernel), telling(&arch));
        for &(at, attribute, all) in &tried {
            let telling = match attribute {
                Attribute::Kernel(_) => with_kernel,
                Attribute::Arch(_) => with_arch,
                Attribute::Label(..) => affected.len(),
            };
            let table = Table {
                windows: telling as u64,
                windows_with: with[at],
                baseline: all - telling as u64,
                baseline_with: units.with[at] - with[at],
            };
            let exact = *results.entry(table).or_insert_with(|| fisher_exact_stratified(&[table]));
            questions.push(Question {
                culprit,
                attribute: at,
                table,
                all_tell: telling == affected.len(),
                exact,
            });
        }
        each().for_each(|attribute| with[*attribute] = 0);
    }
    questions
}
