/// A value of a site file, whatever it is written in.
public indirect enum SettingNode: Equatable, Sendable {
    case text(String)
    case list([SettingNode])
    case section([(name: String, value: SettingNode)])

    public static func == (left: SettingNode, right: SettingNode) -> Bool {
        switch (left, right) {
        case (.text(let left), .text(let right)): left == right
        case (.list(let left), .list(let right)): left == right
        case (.section(let left), .section(let right)):
            left.map(\.name) == right.map(\.name) && left.map(\.value) == right.map(\.value)
        default: false
        }
    }
}

/// Something that people set is wrong. It names the setting and says what is allowed, and never repeats a value that
/// may be a secret.
public struct SettingError: Error, Equatable, CustomStringConvertible {
    /// Where: `orgs[2].login_url`.
    public let setting: String
    public let problem: String

    public init(_ setting: String, _ problem: String) {
        // A field of one thing, as commands name it, has no path before it.
        self.setting = setting.hasPrefix(".") ? String(setting.dropFirst()) : setting
        self.problem = problem
    }

    public var description: String { "\(setting): \(problem)" }
}

/// Reads one section and sees to it that nothing in it is left unread: a misspelt name is an error, never ignored.
struct SectionReader {
    let path: String
    private var left: [String: SettingNode] = [:]

    /// - Parameter known: the names that may stand here; nil: any.
    init(_ node: SettingNode, _ path: String, known: [String]?) throws(SettingError) {
        guard case .section(let members) = node else {
            throw SettingError(path, "has to be a section of names and values")
        }
        self.path = path
        for member in members {
            guard left.updateValue(member.value, forKey: member.name) == nil else {
                throw SettingError(Self.join(path, member.name), "is set twice")
            }
            if let known, !known.contains(member.name) {
                throw SettingError(
                    Self.join(path, member.name),
                    "is not known here; known are \(known.sorted().joined(separator: ", "))")
            }
        }
    }

    func at(_ name: String) -> String { Self.join(path, name) }

    private static func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : path + "." + name }

    mutating func node(_ name: String) -> SettingNode? { left.removeValue(forKey: name) }

    mutating func text(_ name: String) throws(SettingError) -> String? {
        guard let node = node(name) else { return nil }
        guard case .text(let text) = node else { throw SettingError(at(name), "has to be a single value") }
        return text
    }

    mutating func required(_ name: String) throws(SettingError) -> String {
        guard let text = try text(name), !text.isEmpty else { throw SettingError(at(name), "is missing") }
        return text
    }

    mutating func flag(_ name: String) throws(SettingError) -> Bool? {
        guard let text = try text(name) else { return nil }
        switch text {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default: throw SettingError(at(name), "has to be true or false")
        }
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _: Choice.Type = Choice.self
    ) throws(SettingError) -> Choice? where Choice.RawValue == String {
        guard let text = try text(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            throw SettingError(at(name), "has to be one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }

    mutating func duration(_ name: String) throws(SettingError) -> Duration? {
        guard let text = try text(name) else { return nil }
        guard let duration = Duration(settingText: text) else {
            throw SettingError(at(name), "has to be a duration such as 30s, 10m or 2h")
        }
        return duration
    }

    mutating func whole(_ name: String, _ range: ClosedRange<Int32>) throws(SettingError) -> Int32? {
        guard let text = try text(name) else { return nil }
        guard let number = Int32(text), range.contains(number) else {
            throw SettingError(at(name), "has to be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func list(_ name: String) throws(SettingError) -> [SettingNode]? {
        guard let node = node(name) else { return nil }
        switch node {
        case .list(let list): return list
        case .text(""): return []
        default: throw SettingError(at(name), "has to be a list")
        }
    }

    mutating func texts(_ name: String) throws(SettingError) -> [String]? {
        guard let list = try list(name) else { return nil }
        var texts: [String] = []
        for node in list {
            guard case .text(let text) = node, !text.isEmpty else {
                throw SettingError(at(name), "has to be a list of single values")
            }
            texts.append(text)
        }
        return texts
    }

    mutating func dictionary(_ name: String) throws(SettingError) -> [String: String]? {
        guard let node = node(name) else { return nil }
        var reader = try SectionReader(node, at(name), known: nil)
        var dictionary: [String: String] = [:]
        for name in reader.left.keys.sorted() { dictionary[name] = try reader.text(name) }
        return dictionary
    }
}

extension Duration {
    /// Reads `30s`, `10m`, `2h`, `3d`; whole numbers only.
    public init?(settingText text: String) {
        guard let unit = text.last, let number = Int64(text.dropLast()), number >= 0, number < 1_000_000 else {
            return nil
        }
        switch unit {
        case "s": self = .seconds(number)
        case "m": self = .seconds(number * 60)
        case "h": self = .seconds(number * 3_600)
        case "d": self = .seconds(number * 86_400)
        default: return nil
        }
    }
}
