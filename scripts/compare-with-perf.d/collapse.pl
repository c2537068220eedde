# One sample a line, in perf's order: COMM;root;...;leaf.  Reads the default fields and the fewest.
# perl -n runs it on each block of lines.
BEGIN { $/ = "" }
my ($head, @frames) = split /\n/;
my ($comm) = $head =~ /^\s*(\S.*?)\s+(?:-?\d+\s+)?\[\d+\]/ or next;
$comm =~ tr/ /_/;
s/^\s*[0-9a-f]+ //, s/ \([^()]*\)$//, s/\+0x[0-9a-f]+$// for @frames;
print join(";", $comm, reverse @frames), "\n";
