import Foundation

extension Judge {
    /// I14: no secret stands in the files that were named, neither plain nor as it would stand in a URL, in JSON, in
    /// hexadecimal or in Base64.
    mutating func judgeSecrets() throws(LedgerError) {
        let secrets = evidence.secrets.filter { !$0.value.isEmpty }
        guard !secrets.isEmpty else { return }
        let forms = secrets.map { (name: $0.name, forms: Self.forms(of: $0.value)) }
        for path in evidence.searched.flatMap(Self.files) {
            let file = try LedgerFile(path: path)
            while let line = try file.next() {
                for secret in forms where secret.forms.contains(where: { Self.occurs($0, in: line) }) {
                    findings.add(.secrets, "\(secret.name) stands in it", file.source)
                }
            }
        }
    }

    private static func forms(of secret: String) -> [[UInt8]] {
        let bytes = Array(secret.utf8)
        let hex = bytes.map { String(format: "%02x", $0) }.joined()
        let escaped = secret.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? secret
        let quoted = secret.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("/", with: "\\/")
        return Set([secret, hex, escaped, quoted, Data(bytes).base64EncodedString()]).map { Array($0.utf8) }
    }

    /// A folder stands for all files below it.
    private static func files(_ path: String) -> [String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            return [path]
        }
        return (FileManager.default.enumerator(atPath: path)?.allObjects ?? []).compactMap { $0 as? String }.sorted()
            .map { path + "/" + $0 }
            .filter { path in
                var isFolder: ObjCBool = false
                return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
            }
    }

    private static func occurs(_ form: [UInt8], in line: UnsafeRawBufferPointer) -> Bool {
        guard let base = line.baseAddress, let first = form.first else { return false }
        var from = 0
        while from + form.count <= line.count,
            let hit = memchr(base + from, Int32(first), line.count - form.count + 1 - from)
        {
            if memcmp(hit, form, form.count) == 0 { return true }
            from = UnsafeRawPointer(hit) - base + 1
        }
        return false
    }
}
