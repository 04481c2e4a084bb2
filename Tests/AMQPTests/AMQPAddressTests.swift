import AMQP
import Testing

@Suite struct AMQPAddressTests {
    typealias Host = AMQPAddress.Host

    static let valid: [(String, AMQPAddress)] = [
        ("amqp://localhost", AMQPAddress(hosts: [Host(name: "localhost", port: 5672)])),
        ("AMQPS://broker", AMQPAddress(hosts: [Host(name: "broker", port: 5671)], usesTLS: true)),
        ("amqp://h:1/", AMQPAddress(hosts: [Host(name: "h", port: 1)])),
        ("amqp://h/%2F", AMQPAddress(hosts: [Host(name: "h", port: 5672)], virtualHost: "/")),
        ("amqp://h/case%20s", AMQPAddress(hosts: [Host(name: "h", port: 5672)], virtualHost: "case s")),
        (
            "amqp://u%40x:p%3A%2f@a:1,b:2,[::1]:3/v",
            AMQPAddress(
                hosts: [Host(name: "a", port: 1), Host(name: "b", port: 2), Host(name: "::1", port: 3)],
                virtualHost: "v", user: "u@x", password: "p:/")
        ),
        ("amqp://u:a:b@h", AMQPAddress(hosts: [Host(name: "h", port: 5672)], user: "u", password: "a:b")),
        ("amqp://u:@h", AMQPAddress(hosts: [Host(name: "h", port: 5672)], user: "u", password: "")),
        ("amqp://u@h", AMQPAddress(hosts: [Host(name: "h", port: 5672)], user: "u")),
    ]

    @Test(arguments: valid) func `a URL is read`(_ url: String, _ expected: AMQPAddress) throws {
        #expect(try AMQPAddress(url: url) == expected)
    }

    @Test(
        arguments: [
            "", "localhost", "http://h", "amqp://", "amqp://:1", "amqp://h:0", "amqp://h:65536", "amqp://h:x",
            "amqp://h:+1", "amqp://h:", "amqp://a,,b", "amqp://h/a/b", "amqp://h/%zz", "amqp://h/%f", "amqp://h?x=1",
            "amqp://:s3cret@h", "amqp://u:s3cret%0g@h", "amqp://u:%00@h", "amqp://[::1", "amqp://[::1]x", "amqp://a b",
            "amqp://h/" + String(repeating: "v", count: 256), "amqp://%ff@h",
            "amqp://" + Array(repeating: "h", count: 17).joined(separator: ","),
        ])
    func `a URL that is wrong is refused without being quoted`(_ url: String) {
        let error = #expect(throws: AMQPError.self) { try AMQPAddress(url: url) }
        #expect(error?.kind == .invalidArgument)
        #expect(error?.description.contains("s3cret") == false)
    }

    @Test func `the description has no password`() throws {
        let address = try AMQPAddress(url: "amqps://user:s3cret@a,[::1]:7/v")
        #expect(address.description == "amqps://user@a:5671,[::1]:7/v")
    }
}
