import Foundation

/// What somebody puts into the requests queue that is no request.
enum Poison {
    static let bodies = [
        "", "not JSON", "{", "[]", "{}", "null", #"{"specversion":"1.0"}"#,
        #"{"specversion":"1.0","type":"caserouter.case.created.v9","id":"o:1","source":"acme","data":{}}"#,
        #"{"specversion":"1.0","type":"caserouter.case.created.v1","id":"o:1","source":"nobody","subject":"x","data":{}}"#,
        String(repeating: "[", count: 200),
        #"{"specversion":"1.0","type":"\#(String(repeating: "x", count: 300_000))"}"#,
    ]
}
