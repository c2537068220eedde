//! Comparison of long texts.

/// Compares texts line by line; panics with the first differences.
#[track_caller]
pub fn assert_same_lines(what: &str, got: &str, expected: &[String]) {
    let got: Vec<&str> = got.lines().collect();
    let is_different = |at: &usize| got.get(*at).copied() != expected.get(*at).map(String::as_str);
    let length = got.len().max(expected.len());
    let different: Vec<usize> = (0..length).filter(is_different).collect();
    if different.is_empty() {
        return;
    }
    let line = |text: Option<&str>| text.unwrap_or("(no line)").to_owned();
    let shown = different.iter().take(3).map(|&at| {
        let (got, expected) = (line(got.get(at).copied()), line(expected.get(at).map(String::as_str)));
        format!("line {}\n  got      {got}\n  expected {expected}\n", at + 1)
    });
    let shown: String = shown.collect();
    panic!(
        "{what}: {} of {length} lines differ ({} got, {} expected)\n{shown}",
        different.len(),
        got.len(),
        expected.len()
    );
}
