import json
import pathlib
import unittest

from signing import expiring_user_hash, user_hash

VECTORS = json.loads((pathlib.Path(__file__).parents[2] / "docs/signing-vectors.json").read_text("utf-8"))


class PublishedVectors(unittest.TestCase):
    def test_static_hashes(self):
        self.assertGreater(len(VECTORS["static"]), 10)
        for v in VECTORS["static"]:
            self.assertEqual(user_hash(v["secret"], v["externalUserId"]), v["userHash"])

    def test_expiring_hashes(self):
        self.assertGreater(len(VECTORS["expiring"]), 10)
        for v in VECTORS["expiring"]:
            made = expiring_user_hash(v["secret"], v["appId"], v["externalUserId"], v["expiry"])
            self.assertEqual(made, v["userHash"])


if __name__ == "__main__":
    unittest.main()
