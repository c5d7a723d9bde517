-- By which attributes a copy finds its records without going through all of them: those of which every record that is known has its values
-- in `captured_value`. Empty where that is not known, as behind this step: it is written anew from what is known.
ALTER TABLE capture ADD COLUMN found_by TEXT;
