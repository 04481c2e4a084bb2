import Testing

/// One test at a time: they measure times, and some keep a thousand threads busy.
@Suite(.serialized, .timeLimit(.minutes(1)))
enum HTTPClientSuite {}
