//! Any bytes as a Parquet file of tables, through a file of this process.

use std::fs;

use stallgraph::tables;

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    let path = std::env::temp_dir().join(format!("stallgraph-{}.parquet", std::process::id()));
    fs::write(&path, bytes).expect("a file");
    // No file has more rows than this for each of its bytes.
    let most = 16 * (bytes.len() + 1);
    let mut recordings = 0;
    let _ = tables::recordings(&path, &mut |one| {
        recordings += 1;
        assert!(one.row.labels.len() <= 100);
    });
    let mut stalls = 0;
    let _ = tables::stalls(&path, &mut |one| {
        stalls += 1;
        assert!(one.row.who.culprit.is_none_or(|name| name.chars().all(|c| !c.is_control())));
    });
    assert!(recordings <= most && stalls <= most, "{recordings} and {stalls} rows");
    fs::remove_file(&path).expect("the file");
}
