-- The least that came to a sum since something was first refused for want of room in it; NULL: nothing was.
ALTER TABLE cap_sums ADD COLUMN wanted INTEGER;
