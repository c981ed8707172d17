// Carries the signed choice back to Moodle without a click.
"use strict";
document.getElementById("answer").submit();
