import Foundation
import Operations
import Yams

/// What is set, as YAML and as JSON.
enum NodeText {
    static func yaml(_ node: SettingNode) throws -> String {
        var text = try Yams.serialize(node: yamlNode(node), width: -1, allowUnicode: true)
        while text.hasSuffix("\n") { text.removeLast() }
        return text
    }

    private static func yamlNode(_ node: SettingNode) -> Node {
        switch node {
        case .text(let text): return scalar(text)
        case .list(let list): return Node(list.map(yamlNode))
        case .section(let members): return Node(members.map { (scalar($0.name), yamlNode($0.value)) })
        }
    }

    /// Plain where YAML takes it back as the same text.
    private static func scalar(_ text: String) -> Node {
        let isPlain =
            text.range(of: "^[A-Za-z0-9][A-Za-z0-9 ._/-]*$", options: .regularExpression) != nil && !text.hasSuffix(" ")
        return Node(text, Tag(.str), isPlain ? .plain : .doubleQuoted)
    }

    static func json(_ node: SettingNode, as name: String? = nil) throws -> String {
        let value: SettingNode = name.map { .section([(name: $0, value: node)]) } ?? node
        return try JSONText.encode(JSONNode(node: value))
    }

    private struct JSONNode: Encodable {
        let node: SettingNode

        private struct Name: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        func encode(to encoder: any Encoder) throws {
            switch node {
            case .text(let text):
                var container = encoder.singleValueContainer()
                try container.encode(text)
            case .list(let list):
                var container = encoder.unkeyedContainer()
                for node in list { try container.encode(JSONNode(node: node)) }
            case .section(let members):
                var container = encoder.container(keyedBy: Name.self)
                for (name, node) in members {
                    try container.encode(JSONNode(node: node), forKey: Name(stringValue: name))
                }
            }
        }
    }
}
